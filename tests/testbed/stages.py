"""What the test bed does, a line per stage on stderr, with its seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Say what was done, and how long it took; a stage that fails says so too."""
    began = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = ""
    finally:
        say(f"{time.monotonic() - began:5.1f} s  {what} {outcome}")


def say(text: str) -> None:
    """Write one line in one piece, since several processes may be writing."""
    sys.stderr.write(f"testbed: {text.rstrip()}\n")
    sys.stderr.flush()
