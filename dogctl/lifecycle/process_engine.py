"""The engine that needs nothing installed: the app as a background process."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from dogctl.errors import Cancelled, ConfigError, DogctlError
from dogctl.lifecycle.app import app_variables, describe_database, fill, fingerprint
from dogctl.lifecycle.local import (
    HOST,
    Paths,
    Record,
    check_health,
    is_locked,
    last_lines,
    locked,
    read_record,
    running,
    write_record,
)
from dogctl.plan import Results, Run, Step
from dogctl.tools.processes import (
    MARK,
    free_port,
    is_running,
    listener,
    members,
    port_is_free,
    start_mark,
    stop,
)

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.tools.runner import Detached, Runner

POLL = 0.1
LOG_LINES = 20


@dataclass(frozen=True)
class Started:
    """A running app: its record, and its process if this run started it."""

    record: Record
    process: Detached | None


@dataclass(frozen=True)
class _App:
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
        if record and record.fingerprint == self.fingerprint and is_running(record.process):
            return Started(record, None)
        will_be_freed = record and record.port == port and members(record.process)
        if not will_be_freed:
            _require_free(port)
        return None

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
            record=lambda pid: write_record(self.paths, describe(pid)),
        )
        return Started(describe(process.pid), process)


def start(project: Project, version: str, runner: Runner, environ: Mapping[str, str]) -> Step:
    """Start the app unless it already runs in this very version with these very settings."""
    settings = project.settings
    variables = app_variables(project) | {"APP_VERSION": version}
    app = _App(project, fill(settings.serve, project), variables)

    def change(_: Results) -> str:
        record = running(project)
        database = describe_database(project)
        serve = f"serve {settings.name} at http://{HOST}:{settings.port} with {database}"
        if record is None or record.fingerprint == app.fingerprint:
            return serve
        return f"stop the app of an earlier version or setting (PID {record.pid}), {serve}"

    def done(_: Results) -> Started | None:
        return None if is_locked(app.paths) else app.look()

    def run(step: Run) -> Started:
        with locked(app.paths, step.sleep):
            if found := app.look():
                return found  # another dogctl was faster
            _clear_away(app.paths, settings.stop_timeout, step)
            _require_free(settings.port)
            step.check()
            step.progress("starting the app")
            return app.launch(runner, environ)

    return Step("start", change, run, done=done)


def wait_until_healthy(project: Project) -> Step:
    """Wait for the health path to answer, or for the app to end."""
    settings = project.settings
    paths = Paths(project.state)

    def done(results: Results) -> bool | None:
        started: Started = results["start"]
        if not check_health(started.record.url + settings.health).ok:
            return None
        # Somebody else's answer on this port would be no health of ours.
        _require_alive(started, settings.name, paths)
        return True

    def run(step: Run) -> bool:
        started: Started = step.results["start"]
        url = started.record.url + settings.health
        deadline = monotonic() + settings.start_timeout
        while not (health := check_health(url)).ok:
            _require_alive(started, settings.name, paths)
            if monotonic() > deadline:
                raise DogctlError(
                    f"{settings.name} runs, but was not healthy within"
                    f" {settings.start_timeout:g} s: {health.reason}",
                    code="app-unhealthy",
                    where=url,
                    hint="dogctl logs shows more; dogctl down stops it",
                    detail=tuple(last_lines(paths.log, LOG_LINES)),
                )
            step.progress(f"waiting for {url}: {health.reason}")
            try:
                step.sleep(POLL)
            except Cancelled:
                left = f"{settings.name} runs on (PID {started.record.pid}); dogctl down stops it"
                raise Cancelled(left) from None
        _require_alive(started, settings.name, paths)
        return True

    change = f"wait until {settings.health} is healthy"
    return Step("health", lambda _: change, run, needs=("start",), done=done)


def _clear_away(paths: Paths, grace: float, step: Run) -> None:
    """Stop an app with other settings, and what a dead one has left behind."""
    record = read_record(paths)
    if record and members(record.process):
        step.progress(f"stopping the app of an earlier run (PID {record.pid})")
        stop(record.process, grace, step.sleep)
    paths.record.unlink(missing_ok=True)


def _require_free(port: int) -> None:
    try:
        free = port_is_free(port, HOST)
    except PermissionError:
        raise ConfigError(
            f"port {port} needs the rights of root",
            code="port-denied",
            where=f"{HOST}:{port}",
            hint=f"dogctl up --port {free_port()}",
        ) from None
    if not free:
        owner = listener(port)
        raise DogctlError(
            f"port {port} is taken" + (f" by {owner}" if owner else ""),
            code="port-taken",
            where=f"{HOST}:{port}",
            hint=f"dogctl up --port {free_port()}",
        )


def _require_alive(started: Started, name: str, paths: Paths) -> None:
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
