"""The local stack: where it keeps its files, and the lock of whoever changes it."""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dogctl.errors import DogctlError

LOCK_PATIENCE = 30.0


@dataclass(frozen=True)
class Paths:
    """The files of a local stack, below the project's state folder."""

    state: Path

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def log(self) -> Path:
        return self.state / "logs" / "app.log"

    @property
    def record(self) -> Path:
        return self.state / "run" / "app.json"

    @property
    def override(self) -> Path:
        return self.state / "run" / "compose.json"

    @property
    def build(self) -> Path:
        return self.state / "run" / "build"

    @property
    def passes(self) -> Path:
        return self.state / "cache" / "smoke.json"

    @property
    def lock(self) -> Path:
        return self.state / "run" / "lock"

    def make(self) -> None:
        """Make the folders, readable by their owner only. Raises DogctlError."""
        self.require_own()
        try:
            make_state(self.state)
            for folder in (self.data, self.log.parent, self.record.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise not_writable(self.state, error) from error

    def require_own(self) -> None:
        """Raise DogctlError if a link leads out of the project: data there is not ours."""
        for folder in (self.state, self.data):
            if folder.is_symlink():
                raise DogctlError(
                    "a link stands where dogctl keeps the local data",
                    code="state-is-a-link",
                    where=str(folder),
                    hint="remove the link and run the command again",
                )


def write(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Raises DogctlError.
    """
    draft = path.with_suffix(".new")
    try:
        draft.write_text(text)
        draft.replace(path)
    except OSError as error:
        raise not_writable(path, error) from error


def not_writable(path: Path, error: OSError) -> DogctlError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return DogctlError(
        f"cannot write there: {error.strerror}",
        code="state-not-writable",
        where=str(path),
        hint="make room there and run the command again"
        if full
        else "make the folder writable, or work in a copy of the project that is",
    )


@contextmanager
def locked(
    paths: Paths,
    pause: Callable[[float], None] = time.sleep,
    patience: float = LOCK_PATIENCE,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[int]:
    """Let one dogctl at a time change the local stack; gives the open lock file.

    The kernel releases the lock when its holder dies, and every program that inherited the file.
    `pause` waits some seconds, and may raise to give up; `tell` hears of it once if there is anybody
    to wait for. Raises DogctlError when it stays held for `patience` seconds.
    """
    paths.make()
    deadline = time.monotonic() + patience
    with paths.lock.open("a+") as file:
        if not (free := try_lock(file.fileno())):
            tell("waiting for another dogctl that works here")
        while not free and not try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise DogctlError(
                    f"another dogctl has been changing the local stack for over {patience:g} s",
                    code="locked",
                    where=str(paths.lock),
                    hint="wait for it, or end it, and run the command again",
                )
            pause(0.1)
        yield file.fileno()


def is_locked(paths: Paths) -> bool:
    """Whether another dogctl is changing the local stack."""
    try:
        with paths.lock.open() as file:
            return not try_lock(file.fileno())
    except OSError:
        return False  # nothing has ever run here


def make_state(state: Path) -> None:
    """Make the folder for what dogctl keeps, which is no part of the project. Raises OSError."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def try_lock(descriptor: int) -> bool:
    """Lock an open file, unless somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
