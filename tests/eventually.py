"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 90


def eventually(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Return as soon as the condition holds. Raises TimeoutError if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.1)
