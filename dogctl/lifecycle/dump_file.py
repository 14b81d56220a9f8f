"""A dump in a file: compressed, for its owner only, and there as a whole or not at all."""

from __future__ import annotations

import errno
import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from dogctl.errors import ConfigError, DogctlError

# Both servers end a dump that is whole with it, and then the time.
COMPLETE = b"-- Dump completed"
_HEADS = (b"-- MySQL dump", b"-- MariaDB dump", b"/*M!999999")
# In a dump of several databases; in values, line breaks are written as \\n.
_ELSEWHERE = re.compile(rb"\nUSE +`?[^\n`]+`? *;", re.IGNORECASE)
_END = 4096
_PIECE = 1024 * 1024
CUT_OFF = "dump-cut-off"


class Written:
    """Takes a dump, compresses it, and remembers how it ends."""

    def __init__(self, file: BinaryIO, glance: Callable[[str], None]) -> None:
        self._packed = gzip.GzipFile(fileobj=file, mode="wb", mtime=0)
        self._glance = glance
        self.size = 0
        self.end = b""

    def write(self, piece: bytes) -> int:
        self._packed.write(piece)
        self.end = (self.end + piece)[-_END:]
        self.size += len(piece)
        self._glance(f"{self.size / 1e6:.1f} MB of statements")
        return len(piece)

    def close(self) -> None:
        self._packed.close()

    def check(self) -> None:
        """Raises DogctlError if the dump has no end."""
        if not is_complete(self.end):
            raise DogctlError(
                "the dump was cut off before its end",
                code=CUT_OFF,
                hint="run the command again",
            )


def is_complete(end: bytes) -> bool:
    """Whether a dump ends in the mark of a whole one."""
    lines = end.strip().splitlines()
    return bool(lines) and lines[-1].startswith(COMPLETE)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name only at the end of the block; nothing of it stays on failure.

    Raises ConfigError if it cannot be made, OSError if it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "there is a folder of that name")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open(part, "wb", opener=_private)  # noqa: SIM115  (closed below)
    except OSError as error:
        raise ConfigError(
            f"cannot write there: {error.strerror}",
            code="unwritable",
            where=str(path),
            hint="name another file",
        ) from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def check(path: Path) -> int:
    """The bytes of its statements, all of them read. Raises ConfigError unless it is a whole dump."""
    size, head, end, elsewhere = 0, b"", b"", False
    try:
        with opened(path) as file:
            while piece := file.read(_PIECE):
                head = head or piece[:_END]
                elsewhere = elsewhere or _ELSEWHERE.search(end + piece) is not None
                end = (end + piece)[-_END:]
                size += len(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise _bad(path, f"cannot be read to its end: {error}") from None
    if not head.startswith(_HEADS):
        raise _bad(path, "is no dump of MySQL or MariaDB")
    if not is_complete(end):
        raise _bad(path, "is cut off: the mark at its end is missing")
    if elsewhere:
        raise _bad(path, "says itself which database it is for, and would be loaded into that")
    return size


def opened(path: Path) -> BinaryIO:
    """Its statements, compressed or not."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path) if packed else path.open("rb"))


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _bad(path: Path, problem: str) -> ConfigError:
    return ConfigError(
        f"the file {problem}",
        code="bad-dump",
        where=str(path),
        hint="name a file that dogctl db backup made",
    )
