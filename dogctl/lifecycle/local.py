"""The local stack: where it keeps its files, what is recorded of it, whether it answers."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.errors import DogctlError
from dogctl.tools.processes import ProcessId, members

if TYPE_CHECKING:
    from dogctl.config.model import Project

HOST = "127.0.0.1"
LOCK_PATIENCE = 30.0
REASON_BYTES = 200


class State(StrEnum):
    UP = "up"
    UNHEALTHY = "unhealthy"
    DOWN = "down"


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
    def lock(self) -> Path:
        return self.state / "run" / "lock"

    def make(self) -> None:
        """Make the folders, readable by their owner only. Raises DogctlError."""
        self.require_own()
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.data, self.log.parent, self.record.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            ignore = self.state / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise DogctlError(
                f"cannot write there: {error.strerror}",
                code="state-not-writable",
                where=str(self.state),
                hint="make the folder writable, or work in a copy of the project that is",
            ) from error

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


@dataclass(frozen=True)
class Record:
    """What `up` noted of the app it started.

    Args:
        pid, started, mark: its identity.
        since: when it was started, as ISO 8601.
        port: where it listens on 127.0.0.1.
        fingerprint: a hash of the command, version and settings it was started with.
        database: the database, as shown to people.
    """

    pid: int
    started: str
    mark: str
    since: str
    port: int
    fingerprint: str
    database: str

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.pid, self.started, self.mark)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def read_record(paths: Paths) -> Record | None:
    """The record, also of an app that has died since; one that is none of ours counts as none."""
    try:
        values = json.loads(paths.record.read_text())
        record = Record(**values)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, RecursionError):
        return None
    typed = all(type(getattr(record, f.name)).__name__ == f.type for f in fields(Record))
    # 1 is init, and 0 and below are whole groups of processes.
    return record if typed and record.pid > 1 and record.mark else None


def write_record(paths: Paths, record: Record) -> None:
    """Write it so that a reader sees the old one or the new one, never a part."""
    draft = paths.record.with_suffix(".new")
    draft.write_text(json.dumps(asdict(record)))
    draft.replace(paths.record)


def running(project: Project) -> Record | None:
    """The record of the app if anything of it runs."""
    record = read_record(Paths(project.state))
    return record if record and members(record.process) else None


def require_running(project: Project) -> Record:
    """Like `running`. Raises DogctlError if it does not."""
    record = running(project)
    if record is None:
        raise DogctlError(
            f"{project.settings.name} is not running here", code="not-running", hint="dogctl up"
        )
    return record


@dataclass(frozen=True)
class Health:
    """One look at the health path."""

    ok: bool
    reason: str


def check_health(url: str, timeout: float = 2.0) -> Health:
    """Ask a local URL once; `timeout` in seconds. As for Kubernetes, 200 to 399 is healthy."""
    import requests

    with requests.Session() as session:
        session.trust_env = False  # a proxy has no business on 127.0.0.1
        try:
            with session.get(url, timeout=timeout, stream=True, allow_redirects=False) as response:
                status = response.status_code
                if 200 <= status < 400:
                    return Health(True, "healthy")
                body = response.raw.read(REASON_BYTES, decode_content=True)
        except requests.Timeout:
            return Health(False, f"no answer within {timeout:g} s")
        except requests.ConnectionError:
            return Health(False, "does not accept connections")
        except (requests.RequestException, OSError) as error:
            return Health(False, f"no valid answer: {error}")
    reason = " ".join(body.decode(errors="replace").split())
    return Health(False, f"answers {status}" + (f": {reason}" if reason else ""))


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


@contextmanager
def locked(paths: Paths, pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Let one dogctl at a time change the local stack.

    The kernel releases the lock when its holder dies. `pause` waits some seconds, and may raise to
    give up. Raises DogctlError when it stays held.
    """
    paths.make()
    deadline = time.monotonic() + LOCK_PATIENCE
    with paths.lock.open("a+") as file:
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise DogctlError(
                    f"another dogctl has been changing the local stack for over {LOCK_PATIENCE:g} s",
                    code="locked",
                    where=str(paths.lock),
                    hint="wait for it, or end it, and run the command again",
                )
            pause(0.1)
        yield


def is_locked(paths: Paths) -> bool:
    """Whether another dogctl is changing the local stack."""
    try:
        with paths.lock.open() as file:
            return not _try_lock(file.fileno())
    except OSError:
        return False  # nothing has ever run here


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
