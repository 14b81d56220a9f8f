"""Log files: their last lines, and every further one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

POLL = 0.2
# How many lines an error shows.
LOG_LINES = 20


def follow(path: Path, count: int) -> Iterator[str]:
    """The last `count` lines and every further one, without end, over restarts of the app."""
    file = path.open("rb")
    yield from last_lines(path, count, file.seek(0, os.SEEK_END))
    rest = b""
    while True:
        *lines, rest = (rest + file.read()).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
        if lines:
            continue
        time.sleep(POLL)
        if _is_another(path, file):  # a new run; what the old one wrote last has been read
            file.close()
            file = path.open("rb")
        elif os.fstat(file.fileno()).st_size < file.tell():
            file.seek(0)  # somebody emptied it


def _is_another(path: Path, file: BufferedReader) -> bool:
    try:
        return not os.path.samestat(path.stat(), os.fstat(file.fileno())) and not file.peek(1)
    except FileNotFoundError:
        return False  # between two runs


def last_lines(path: Path, count: int, end: int | None = None) -> list[str]:
    """The last lines of a log before byte `end`, read from its end; none if there is no log."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END) if end is None else end
            block = 64 * 1024
            while True:
                begin = max(0, end - block)
                file.seek(begin)
                lines = file.read(end - begin).removesuffix(b"\n").split(b"\n")
                if len(lines) > count or begin == 0:
                    wanted = lines[-count:] if count and end else []
                    return [line.decode(errors="replace") for line in wanted]
                block *= 4
    except FileNotFoundError:
        return []
