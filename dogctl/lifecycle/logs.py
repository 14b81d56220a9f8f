"""`dogctl logs`: what the app said."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.errors import DogctlError
from dogctl.lifecycle.local import Paths, last_lines

if TYPE_CHECKING:
    from dogctl.config.model import Project

POLL = 0.2


def recent(project: Project, count: int) -> list[str]:
    """The last `count` lines. Raises DogctlError if the app never ran here."""
    return last_lines(_log(project), count)


def follow(project: Project, count: int) -> Iterator[str]:
    """The last `count` lines and every further one, without end, over restarts of the app."""
    path = _log(project)
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


def _log(project: Project) -> Path:
    path = Paths(project.state).log
    if not path.exists():
        raise DogctlError(
            f"{project.settings.name} has not run here yet: there is no log",
            code="no-log",
            where=str(path),
            hint="dogctl up",
        )
    return path
