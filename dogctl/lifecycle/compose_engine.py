"""The engine for the whole stack: the app's image and its database, by Docker Compose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import sleep, time
from typing import TYPE_CHECKING

from dogctl.config.model import DEFAULT, Engine
from dogctl.errors import ConfigError, ToolError
from dogctl.lifecycle.app import compose_variables, fill_in
from dogctl.lifecycle.compose_stack import LOCK_PATIENCE, Stack
from dogctl.lifecycle.engine import Local, State, Stopped, not_running
from dogctl.lifecycle.local import Paths, locked
from dogctl.lifecycle.stack_state import describe, published_port
from dogctl.plan import Results, Run, Step
from dogctl.tools.compose import Compose, remove, require_compose
from dogctl.tools.docker import Container, Docker

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.tools.runner import Completed, Runner

# In the order in which Compose looks for them.
FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
POLL = 0.2


def find_file(project: Project) -> Path | None:
    """The project's compose file. Raises ConfigError if the settings name one that is not there."""
    named = project.settings.compose_file
    for name in (named,) if named else FILES:
        if (project.root / name).is_file():
            return project.root / name
    if named:
        raise ConfigError(
            f"there is no file {named}",
            code="no-compose-file",
            where=project.origins["compose_file"],
            hint=f"it is looked for in {project.root}",
        )
    return None


def find_overrides(project: Project) -> tuple[Path, ...]:
    """What Compose lays over a file that it has found itself: the first of OVERRIDES."""
    if project.settings.compose_file:
        return ()
    found = [project.root / name for name in OVERRIDES if (project.root / name).is_file()]
    return tuple(found[:1])


def project_name(project: Project) -> str:
    """The stack's name; two copies of a project on one machine are two stacks."""
    folder = hashlib.sha256(str(project.root).encode()).hexdigest()[:6]
    return project.settings.compose_project or f"{project.settings.name}-{folder}"


class ComposeEngine:
    """The app and its database as containers."""

    kind = Engine.COMPOSE

    def __init__(
        self, project: Project, file: Path, runner: Runner, environ: Mapping[str, str]
    ) -> None:
        self._project = project
        self._file = file
        self._runner = runner
        self._environ = environ
        self._paths = Paths(project.state)
        self._name = project_name(project)

    @property
    def docker(self) -> Docker:
        """The engine. Raises ToolError if it cannot be reached."""
        if isinstance(self._connection, ToolError):
            raise self._connection
        return self._connection

    @cached_property
    def _connection(self) -> Docker | ToolError:
        # To find out that an engine does not answer may take long; once is enough.
        try:
            return Docker.connect()
        except ToolError as error:
            return error

    def require(self) -> None:
        """Raise ToolError where the engine or Compose is missing."""
        _ = self.docker
        require_compose(self._runner)

    def runs(self) -> bool:
        """Whether there is a container; if the engine is away, whether a stack was started here."""
        try:
            return bool(self.docker.containers(self._name))
        except ToolError:
            return self._paths.override.exists()

    def look(self) -> Local:
        """What the engine says; unknown if it is away, and a stack was started here."""
        try:
            containers = self.docker.containers(self._name)
        except ToolError as error:
            if self._paths.override.exists():
                return Local(Engine.COMPOSE, State.UNKNOWN, health=error.message)
            return Local(Engine.COMPOSE, State.DOWN)
        return describe(self._project, containers)

    def used(self) -> float:
        """When a stack was last started here."""
        try:
            return self._paths.override.stat().st_mtime
        except OSError:
            return 0.0

    def up(self, version: str) -> tuple[Step, ...]:
        """Build the image, start the stack, wait until it is healthy."""
        project = self._keep_port()
        environ = {**self._environ, **compose_variables(project, self._name, version)}
        overrides = find_overrides(project)
        compose = Compose(self._file, self._name, environ, self._runner, overrides)
        return Stack(project, compose, self.docker, self._paths).steps()

    def down(self, *, volumes: bool) -> tuple[Step, ...]:
        """Remove containers and networks, with `volumes` the database too."""

        def find() -> tuple[tuple[Container, ...], tuple[str, ...], tuple[str, ...]]:
            name = self._name
            return (
                self.docker.containers(name),
                self.docker.networks(name),
                self.docker.volumes(name) if volumes else (),
            )

        def done(_: Results) -> Stopped | None:
            try:
                found = find()
            except ToolError:
                if self._paths.override.exists():
                    raise
                return Stopped()
            return None if any(found) else Stopped()

        def run(step: Run) -> Stopped:
            with locked(self._paths, step.sleep, LOCK_PATIENCE) as lock:
                require_compose(self._runner)
                containers, _, data = find()
                step.progress("stopping the containers")
                remove(self._name, self._runner, volumes=volumes, stop=step.stop, inherit=(lock,))
                self._paths.override.unlink(missing_ok=True)
            return Stopped(len(containers), deleted=bool(data))

        words = f"remove the containers of {self._name}" + (" and their data" if volumes else "")
        return (Step("stack", lambda _: words, run, done=done),)

    def data(self) -> str | None:
        """The stack's volumes."""
        try:
            volumes = self.docker.volumes(self._name)
        except ToolError:
            return None  # the step tells
        return f"the volumes {', '.join(volumes)}" if volumes else None

    def recent(self, count: int, service: str | None) -> list[str]:
        """The last lines of a service. Raises DogctlError if it has no container."""
        return self.docker.logs(self._container(service).id, count)

    def follow(self, count: int, service: str | None) -> Iterator[str]:
        """The last lines and every further one, over restarts."""
        container = self._container(service)
        yield from self.docker.follow(container.id, count)
        while True:
            since = time()
            while (again := self._find(service)) is None or again.state != "running":
                sleep(POLL)
            yield from self.docker.follow(again.id, since=since)

    def admin(self, words: Sequence[str], stdin: bytes, timeout: float) -> Completed:
        """Run the admin command in the app's container. Raises DogctlError if it does not run."""
        container = self._container(None)
        if container.state != "running":
            raise not_running(self._project)
        command = fill_in(words, "python", next(iter(container.ports), None))
        return self._runner.run(
            ["docker", "exec", "--interactive", container.id, *command],
            env=self._environ,
            stdin=stdin,
            timeout=timeout,
        )

    def _keep_port(self) -> Project:
        """Where nobody asks for a port, a stack that runs keeps the one it was started with."""
        project = self._project
        app = self._find(None)
        port = published_port(app) if app else None
        if port is None or project.origins["port"] != DEFAULT:
            return project
        return replace(project, settings=replace(project.settings, port=port))

    def _find(self, service: str | None) -> Container | None:
        wanted = service or self._project.settings.service
        containers = self.docker.containers(self._name)
        return next((each for each in containers if each.service == wanted), None)

    def _container(self, service: str | None) -> Container:
        found = self._find(service)
        if found is not None:
            return found
        known = [each.service for each in self.docker.containers(self._name)]
        if service is None or not known:
            raise not_running(self._project)
        raise ConfigError(
            f"there is no service {service!r} (running: {', '.join(known)})",
            code="no-service",
            where="--service",
            hint=f"dogctl logs --service {known[0]}",
        )
