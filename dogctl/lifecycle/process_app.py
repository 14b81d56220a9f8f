"""The app as a process: what is recorded of it, how it is started, whether it still runs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

from dogctl.errors import DogctlError
from dogctl.lifecycle.app import describe_database, fingerprint
from dogctl.lifecycle.health import HOST, require_free
from dogctl.lifecycle.local import Paths, write
from dogctl.lifecycle.log_file import LOG_LINES, last_lines
from dogctl.plan import Run
from dogctl.tools.processes import MARK, ProcessId, is_running, members, start_mark, stop

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.tools.runner import Detached, Runner


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


def running(project: Project) -> Record | None:
    """The record of the app if anything of it runs."""
    record = read_record(Paths(project.state))
    return record if record and members(record.process) else None


@dataclass(frozen=True)
class Started:
    """A running app: its record, and its process if this run started it."""

    record: Record
    process: Detached | None


@dataclass(frozen=True)
class App:
    """The app as it is wanted: how to serve it, and what a running one must match."""

    project: Project
    argv: list[str]
    variables: dict[str, str]

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.argv, self.variables)

    @property
    def paths(self) -> Paths:
        return Paths(self.project.state)

    def look(self) -> Started | None:
        """The app if it runs. Raises DogctlError if it does not and its port is taken."""
        port = self.project.settings.port
        record = read_record(self.paths)
        if record and self._is(record):
            return Started(record, None)
        will_be_freed = record and record.port == port and members(record.process)
        if not will_be_freed:
            try:
                require_free(port)
            except DogctlError:
                record = read_record(self.paths)  # another dogctl may have started it meanwhile
                if record and self._is(record):
                    return Started(record, None)
                raise
        return None

    def _is(self, record: Record) -> bool:
        return record.fingerprint == self.fingerprint and is_running(record.process)

    def launch(self, runner: Runner, environ: Mapping[str, str]) -> Started:
        """Start it, with a log of its own; the last run's log is kept beside it."""
        log = self.paths.log
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        mark = uuid.uuid4().hex
        since = datetime.now().astimezone().isoformat(timespec="seconds")

        def describe(pid: int) -> Record:
            return Record(
                pid=pid,
                started=start_mark(pid) or "",
                mark=mark,
                since=since,
                port=self.project.settings.port,
                fingerprint=self.fingerprint,
                database=describe_database(self.project),
            )

        process = runner.detach(
            self.argv,
            cwd=self.project.root,
            env={**environ, **self.variables, MARK: mark},
            log=log,
            record=lambda pid: write(self.paths.record, json.dumps(asdict(describe(pid)))),
        )
        return Started(describe(process.pid), process)


def clear_away(paths: Paths, grace: float, step: Run) -> None:
    """Stop an app with other settings, and what a dead one has left behind."""
    record = read_record(paths)
    if record and members(record.process):
        step.progress(f"stopping the app of an earlier run (PID {record.pid})")
        stop(record.process, grace, step.sleep)
    paths.record.unlink(missing_ok=True)


def require_alive(started: Started, name: str, paths: Paths) -> None:
    code = started.process.poll() if started.process else None
    if code is None and is_running(started.record.process):
        return
    end = "" if code is None else f" with signal {-code}" if code < 0 else f" with exit code {code}"
    raise DogctlError(
        f"{name} ended at its start{end}",
        code="app-ended",
        where=str(paths.log),
        hint="dogctl logs shows all it said; correct it and run dogctl up again",
        detail=tuple(last_lines(paths.log, LOG_LINES)),
    )
