"""How long a user waits for the command line itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.bench.table import Row
from tests.testbed.ports import free_port

ROUNDS = 15
DOGCTL = str(Path(sys.executable).with_name("dogctl"))
BARE = (sys.executable, "-c", "pass")
COMPLETION = {"_DOGCTL_COMPLETE": "complete_bash", "COMP_WORDS": "dogctl st", "COMP_CWORD": "1"}


def measure_commands() -> Iterator[Row]:
    """Ratios to a Python that does nothing: median of pairs, so that a slow moment hits both."""
    for name, argv, extra, goal in (
        ("dogctl --version", (DOGCTL, "--version"), {}, 8),
        ("completion", (DOGCTL,), COMPLETION, 8),
        ("dogctl --help", (DOGCTL, "--help"), {}, 15),
    ):
        seconds(argv, extra)  # the first run compiles and fills the file cache
        ratios = [seconds(argv, extra) / seconds(BARE) for _ in range(ROUNDS)]
        yield Row(name, median(ratios), "x", f"at most {goal}")


def measure_up(folder: Path) -> Iterator[Row]:
    """From the command to a page that answers, with a new database and with an old one."""
    environ = {"FLASK_PORT": str(free_port()), "XDG_DATA_HOME": str(folder)}
    for name in ("first dogctl up", "second dogctl up"):
        took = seconds((DOGCTL, "up"), environ, folder)
        yield Row(name, took, "s", "at most 2")
        seconds((DOGCTL, "down"), environ, folder)


def seconds(argv: tuple[str, ...], extra: Mapping[str, str] = {}, cwd: Path | None = None) -> float:
    began = perf_counter()
    subprocess.run(argv, env={**os.environ, **extra}, cwd=cwd, capture_output=True, check=True)
    return perf_counter() - began
