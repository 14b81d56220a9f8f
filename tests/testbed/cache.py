"""The folder where the test bed keeps what it made, outside the repository.

Several test processes may use it at once: whoever needs a thing first makes it, the others wait.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.stages import say

CGROUPS = Path("/sys/fs/cgroup")
STALE_SECONDS = 7 * 24 * 3600


def folder() -> Path:
    """$XDG_CACHE_HOME/dogctl-testbed, or the same in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "dogctl-testbed"
    path.mkdir(parents=True, exist_ok=True)
    return path


def key(*parts: str | bytes) -> str:
    """A short name for what something is made from."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()[:12]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process at a time do this; the kernel releases the lock of a killed one."""
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def once(name: str, make: Callable[[Path], None]) -> Path:
    """The cached folder of that name; `make` fills it if it is not there.

    It appears only when it is complete, so a killed or failed `make` leaves nothing to trip over.
    """
    done = folder() / name
    with locked(name):
        if not done.exists():
            part = folder() / f"{name}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            make(part)
            part.rename(done)
        os.utime(done)
    return done


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what is needed on the way, on the same file system as the cache."""
    with tempfile.TemporaryDirectory(dir=folder(), prefix="scratch-") as path:
        yield Path(path)


@dataclass(frozen=True)
class Run:
    """The files of one running engine; they belong to whoever holds the lock."""

    folder: Path
    lock: int

    @classmethod
    def create(cls) -> Run:
        """A fresh folder and an open lock file, which a child process may inherit."""
        with locked("runs"):
            runs = folder() / "runs"
            runs.mkdir(exist_ok=True)
            path = Path(tempfile.mkdtemp(dir=runs, prefix=""))
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(path, lock)

    @property
    def cgroup(self) -> str:
        """The control group under which the engine's containers run."""
        return f"dogctl-testbed-{self.folder.name}"

    def remove(self) -> None:
        """Remove the control groups, which outlive their processes, and then the files.

        What cannot be removed yet stays for the next sweep.
        """
        try:
            remove_cgroups(self.cgroup)
        except OSError as error:
            say(f"left for the next time: {error}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def remove_cgroups(name: str) -> None:
    """Remove the control groups of that name, and those in them. Raises OSError."""
    for group in cgroups(name):
        for path, _, _ in os.walk(group, topdown=False):
            Path(path).rmdir()


def cgroups(name: str) -> list[Path]:
    """The control groups of that name, of every hierarchy.

    Others come and go while they are looked through, which `os.walk` bears and `glob` does not.
    """
    top = Path(name).parts[0]
    found = [Path(path, name) for path, below, _ in os.walk(CGROUPS) if top in below]
    return [path for path in found if path.is_dir()]


def sweep() -> None:
    """Remove what engines left behind whose keeper was killed too, and what has gone stale."""
    with locked("runs"):
        for path in sorted((folder() / "runs").glob("*")):
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                Run(path, lock).remove()
            finally:
                os.close(lock)
    for path in [*folder().glob("*-*/"), *folder().glob("*-*.lock")]:
        if path.lstat().st_mtime < time.time() - STALE_SECONDS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def running() -> list[Path]:
    """The folders of the engines that run now."""
    sweep()
    return sorted((folder() / "runs").glob("*"))
