"""Runs every measurement and prints a table; asserts nothing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench.commands import measure_commands, measure_up


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="dogctl-bench-") as folder:
        for line in (*measure_commands(), *measure_up(Path(folder))):
            print(line)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
