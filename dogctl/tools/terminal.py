"""The terminal that dogctl was started on, handed over to a program elsewhere."""

from __future__ import annotations

import os
import select
import signal
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

CHUNK = 32 * 1024


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Every key goes to the program, ^C too, until this ends in whatever way."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def size(descriptor: int) -> tuple[int, int]:
    """Columns and rows."""
    found = os.get_terminal_size(descriptor)
    return found.columns, found.lines


@contextmanager
def resizes() -> Iterator[int]:
    """A descriptor from which a byte can be read whenever the window has got another size."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def tell(_: int, __: FrameType | None) -> None:
        os.write(writer, b"\0")

    before = signal.signal(signal.SIGWINCH, tell)
    try:
        yield reader
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(writer)
        os.close(reader)


def pump(
    descriptor: int, send: Callable[[bytes], None], resized: int | None, resize: Callable[[], None]
) -> None:
    """Read to the end; nothing is read that could not be sent at once.

    Args:
        resized: what `resizes` gave, if it is a terminal.
        resize: called whenever that tells.
    """
    watched = [descriptor, *([] if resized is None else [resized])]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if resized in ready:
            os.read(resized, CHUNK)
            resize()
        if descriptor in ready:
            data = os.read(descriptor, CHUNK)
            if not data:
                return
            send(data)
