"""stdout and stderr as they can be in the wild: closed, full, piped into `head`, not UTF-8."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast

from dogctl.errors import DogctlError


class ReaderGoneError(Exception):
    """Nobody reads our answer any more, as after `dogctl logs | head`."""


class _Stream:
    """A text stream that decides what a failed write means."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._fail(error)
            return 0

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, _: OSError) -> None:
        # What is still buffered must not fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def write_bytes(self, data: bytes) -> None:
        """Past the text's buffer, which is to be empty."""
        try:
            while data:
                data = data[os.write(self._stream.fileno(), data) :]
        except OSError as error:
            self._fail(error)


class _Answers(_Stream):
    """stdout: without an answer the command has failed."""

    def _fail(self, error: OSError) -> None:
        super()._fail(error)
        if isinstance(error, BrokenPipeError):
            raise ReaderGoneError from error
        raise DogctlError(
            f"cannot write the answer: {error.strerror}",
            code="answer-not-written",
            where="stdout",
            hint="make room there, and run the command again",
        ) from error


class _Notes(_Stream):
    """stderr: the work goes on although nobody hears of it."""


def write_bytes(stream: TextIO, data: bytes) -> None:
    """Write to a stream that is prepared, or to any other."""
    if isinstance(stream, _Stream):
        stream.write_bytes(data)
    else:
        stream.write(data.decode(errors="replace"))


def prepare() -> None:
    """Make sys.stdout and sys.stderr safe to write any text to."""
    for name, kind in (("stdout", _Answers), ("stderr", _Notes)):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller
            stream = open(os.devnull, "w")  # noqa: PTH123, SIM115  (lives as long as we do)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, cast(TextIO, kind(stream)))
