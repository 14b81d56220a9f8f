"""The engine that needs nothing installed: the app as a background process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from dogctl.config.model import DEFAULT, Engine
from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle.app import app_variables, describe_database, fill
from dogctl.lifecycle.engine import Local, Ready, State, Stopped
from dogctl.lifecycle.health import (
    HEALTHY,
    HOST,
    POLL,
    Health,
    check_health,
    require_free,
    unhealthy,
)
from dogctl.lifecycle.local import Paths, is_locked, locked
from dogctl.lifecycle.log_file import LOG_LINES, follow, last_lines
from dogctl.lifecycle.process_app import (
    App,
    Record,
    Started,
    clear_away,
    read_record,
    require_alive,
    running,
)
from dogctl.plan import Results, Run, Step
from dogctl.tools.processes import is_running, members, stop

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.tools.runner import Completed, Runner


class ProcessEngine:
    """The app as a process of this machine, in a session of its own."""

    kind = Engine.PROCESS

    def __init__(self, project: Project, runner: Runner, environ: Mapping[str, str]) -> None:
        self._project = project
        self._runner = runner
        self._environ = environ
        self._paths = Paths(project.state)

    def runs(self) -> bool:
        """Whether a process of the recorded run lives."""
        return running(self._project) is not None

    def look(self) -> Local:
        """What runs, by its record."""
        record = running(self._project)
        if record is None:
            return Local(Engine.PROCESS, State.DOWN)
        health = check_health(record.url + self._project.settings.health)
        if not is_running(record.process):
            health = Health(False, "its main process has died, others of it are left")
        return _local(record, health)

    def used(self) -> float:
        """When the app last wrote something."""
        try:
            return self._paths.log.stat().st_mtime
        except OSError:
            return 0.0

    def up(self, version: str) -> tuple[Step, ...]:
        """Start the app, wait until it is healthy."""
        project = self._keep_port()
        variables = app_variables(project) | {"APP_VERSION": version}
        app = App(project, fill(project.settings.serve, project), variables)
        return (self._start(app), self._wait_until_healthy(app))

    def down(self, *, volumes: bool) -> tuple[Step, ...]:
        """Stop the app; with `volumes` delete its data."""
        self._paths.require_own()
        return (self._stop(), self._delete_data()) if volumes else (self._stop(),)

    def data(self) -> str | None:
        """The folder of the SQLite database."""
        return f"the local database and all in {self._paths.data}" if self._has_data() else None

    def recent(self, count: int, service: str | None) -> list[str]:
        """The last lines of the app's log. Raises DogctlError if it never ran here."""
        return last_lines(self._log(service), count)

    def follow(self, count: int, service: str | None) -> Iterator[str]:
        """The last lines and every further one. Raises DogctlError if it never ran here."""
        return follow(self._log(service), count)

    def admin(self, words: Sequence[str], stdin: bytes, timeout: float) -> Completed:
        """Run the admin command with the app's environment; the app itself need not run."""
        self._paths.make()
        return self._runner.run(
            fill(words, self._project),
            cwd=self._project.root,
            env={**self._environ, **app_variables(self._project)},
            stdin=stdin,
            timeout=timeout,
        )

    def _keep_port(self) -> Project:
        """Where nobody asks for a port, an app that runs keeps the one it was started with."""
        project = self._project
        record = running(project)
        if record is None or project.origins["port"] != DEFAULT:
            return project
        return replace(project, settings=replace(project.settings, port=record.port))

    def _start(self, app: App) -> Step:
        """Start the app unless it already runs in this very version with these very settings."""
        settings = app.project.settings

        def change(_: Results) -> str:
            record = running(app.project)
            database = describe_database(app.project)
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
                clear_away(app.paths, settings.stop_timeout, step)
                require_free(settings.port)
                step.check()
                step.progress("starting the app")
                return app.launch(self._runner, self._environ)

        return Step("start", change, run, done=done)

    def _wait_until_healthy(self, app: App) -> Step:
        """Wait for the health path to answer, or for the app to end."""
        settings = app.project.settings
        paths = app.paths

        def ready(started: Started) -> Ready:
            # Somebody else's answer on this port would be no health of ours.
            require_alive(started, settings.name, paths)
            return Ready(_local(started.record, Health(True, HEALTHY)), started.process is not None)

        def done(results: Results) -> Ready | None:
            started: Started = results["start"]
            healthy = check_health(started.record.url + settings.health).ok
            return ready(started) if healthy else None

        def run(step: Run) -> Ready:
            started: Started = step.results["start"]
            url = started.record.url + settings.health
            deadline = monotonic() + settings.start_timeout
            while not (health := check_health(url)).ok:
                require_alive(started, settings.name, paths)
                if monotonic() > deadline:
                    raise unhealthy(settings, url, health, tuple(last_lines(paths.log, LOG_LINES)))
                step.progress(f"waiting for {url}: {health.reason}")
                step.sleep(POLL)
            return ready(started)

        def left(results: Results) -> str:
            started: Started = results["start"]
            return f"{settings.name} runs on (PID {started.record.pid}); dogctl down stops it"

        change = f"wait until {settings.health} is healthy"
        return Step("health", lambda _: change, run, needs=("start",), done=done, left=left)

    def _stop(self) -> Step:
        settings = self._project.settings
        paths = self._paths

        def done(_: Results) -> Stopped | None:
            return None if paths.record.exists() or is_locked(paths) else Stopped()

        def run(step: Run) -> Stopped:
            with locked(paths, step.sleep):
                record = read_record(paths)
                count = 0
                if record is not None and members(record.process):
                    waiting = f"waiting for {settings.name} (PID {record.pid})"
                    step.progress(f"{waiting} to finish its requests")
                    count = stop(record.process, settings.stop_timeout, step.sleep)
                paths.record.unlink(missing_ok=True)
                return Stopped(count)

        return Step("stop", lambda _: f"stop {settings.name}", run, done=done)

    def _delete_data(self) -> Step:
        paths = self._paths

        def done(_: Results) -> Stopped | None:
            return None if self._has_data() else Stopped()

        def run(step: Run) -> Stopped:
            with locked(paths, step.sleep):
                paths.require_own()
                shutil.rmtree(paths.data)
            return Stopped(deleted=True)

        return Step("data", lambda _: f"delete {paths.data}", run, needs=("stop",), done=done)

    def _has_data(self) -> bool:
        return self._paths.data.is_dir() and any(self._paths.data.iterdir())

    def _log(self, service: str | None) -> Path:
        if service not in (None, self._project.settings.service):
            raise ConfigError(
                f"there is no service {service!r}: the app runs as a process of its own",
                code="no-service",
                where="--service",
                hint="dogctl logs",
            )
        if not self._paths.log.exists():
            raise DogctlError(
                f"{self._project.settings.name} has not run here yet: there is no log",
                code="no-log",
                where=str(self._paths.log),
                hint="dogctl up",
            )
        return self._paths.log


def _local(record: Record, health: Health) -> Local:
    return Local(
        engine=Engine.PROCESS,
        state=State.UP if health.ok else State.UNHEALTHY,
        url=record.url,
        database=record.database,
        pid=record.pid,
        since=record.since,
        health=health.reason,
    )
