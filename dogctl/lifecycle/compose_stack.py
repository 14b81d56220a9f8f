"""Bringing a stack up: build its images, start its containers, wait until it is healthy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dogctl.errors import ConfigError, ToolError
from dogctl.lifecycle.builder import build_services, guarded_dockerfile
from dogctl.lifecycle.engine import Ready, State
from dogctl.lifecycle.health import port_taken
from dogctl.lifecycle.local import Paths, locked, write
from dogctl.lifecycle.recipe import Recipe
from dogctl.lifecycle.stack_start import Starter
from dogctl.lifecycle.stack_state import PORT, by_id, describe
from dogctl.plan import Results, Run, Step
from dogctl.tools.build_context import KEY_LABEL
from dogctl.tools.compose import Build, Compose, builds, published_ports
from dogctl.tools.docker import Container, Docker
from dogctl.tools.processes import free_port, port_is_free

if TYPE_CHECKING:
    from dogctl.config.model import Project

# On the app's container: a hash of all that the stack was started from.
FINGERPRINT = "dogctl.fingerprint"
# Another dogctl may be building an image.
LOCK_PATIENCE = 900.0


@dataclass(frozen=True)
class Launch:
    """Whether containers were started, and which there were before, by id."""

    fresh: bool
    before: Mapping[str, Container]


@dataclass(frozen=True)
class Stack:
    """One compose project, as it is wanted."""

    project: Project
    compose: Compose
    docker: Docker
    paths: Paths

    def steps(self) -> tuple[Step, ...]:
        """build (if there is anything to build), start, health.

        Raises ConfigError if Compose refuses the file, or if it has no service for the app.
        """
        self._require_service()
        if self._builds:
            return (self._build(), self._start(), self._wait_until_healthy())
        return (replace(self._start(), needs=()), self._wait_until_healthy())

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        return self.compose.config()

    @cached_property
    def _builds(self) -> dict[str, Build]:
        return builds(self._config)

    @cached_property
    def _keys(self) -> dict[str, str]:
        """What each image is built from, by service."""
        return {
            service: Recipe(
                build.context, build.dockerfile, build.args, build.target, build.platforms
            ).key(self.docker)
            for service, build in self._builds.items()
        }

    @cached_property
    def _fingerprint(self) -> str:
        text = json.dumps([self._config, self._keys], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _build(self) -> Step:
        # Services that share an image need it built once.
        by_image = {build.image: service for service, build in self._builds.items()}

        def done(_: Results) -> bool | None:
            self._require_ports()  # which a build of minutes would be in vain without
            for service, build in self._builds.items():
                image = self.docker.image(build.image)
                if image is None or image.labels.get(KEY_LABEL) != self._keys[service]:
                    return None
            return True

        def run(step: Run) -> bool:
            with locked(self.paths, step.sleep, LOCK_PATIENCE, step.progress) as lock:
                build_services(self._labelled(), tuple(by_image.values()), step, (lock,))
            return True

        change = f"build {', '.join(sorted(by_image))} from {self.compose.file.parent}"
        return Step("build", lambda _: change, run, done=done)

    def _start(self) -> Step:
        def done(_: Results) -> Launch | None:
            containers = self._containers()
            if self._runs(containers):
                return Launch(False, by_id(containers))
            self._require_ports()
            return None

        def run(step: Run) -> Launch:
            with locked(self.paths, step.sleep, LOCK_PATIENCE, step.progress) as lock:
                before = self._containers()
                if self._runs(before):
                    return Launch(False, by_id(before))  # another dogctl was faster
                launch = Launch(True, by_id(before))
                self._starter(self._labelled(), launch).bring_up(step, (lock,))
            return launch

        def left(_: Results) -> str | None:
            try:
                found = self._containers()
            except ToolError as error:
                return f"{error.message}: nobody knows what is left of {self.compose.name}"
            return f"{self.compose.name} is left as it is; dogctl down stops it" if found else None

        change = f"start {', '.join(sorted(self._config['services']))} as {self.compose.name}"
        return Step("start", lambda _: change, run, needs=("build",), done=done, left=left)

    def _wait_until_healthy(self) -> Step:
        def done(results: Results) -> Ready | None:
            local = describe(self.project, self._containers())
            return Ready(local, results["start"].fresh) if local.state is State.UP else None

        def run(step: Run) -> Ready:
            launch: Launch = step.results["start"]
            return Ready(self._starter(self.compose, launch).wait_until_healthy(step), launch.fresh)

        change = f"wait until all services and {self.project.settings.health} are healthy"
        left = f"{self.compose.name} runs on; dogctl down stops it"
        return Step(
            "health", lambda _: change, run, needs=("start",), done=done, left=lambda _: left
        )

    def _containers(self) -> tuple[Container, ...]:
        return self.docker.containers(self.compose.name)

    def _runs(self, containers: Sequence[Container]) -> bool:
        """Whether all that is wanted is there, in this very version, and works."""
        wanted = set(self._config["services"])
        found = {each.service for each in containers if each.works}
        label = next((each.labels.get(FINGERPRINT) for each in self._of_app(containers)), None)
        return wanted <= found and label == self._fingerprint

    def _of_app(self, containers: Sequence[Container]) -> list[Container]:
        return [each for each in containers if each.service == self.project.settings.service]

    def _labelled(self) -> Compose:
        """The project with our labels on its images and on the app's container."""
        services: dict[str, dict[str, Any]] = {
            service: {
                "build": {
                    "labels": {KEY_LABEL: self._keys[service]},
                    **guarded_dockerfile(service, build, self.paths.build),
                }
            }
            for service, build in self._builds.items()
        }
        app = services.setdefault(self.project.settings.service, {})
        app["labels"] = {FINGERPRINT: self._fingerprint, PORT: str(self.project.settings.port)}
        write(self.paths.override, json.dumps({"services": services}))
        return replace(self.compose, overrides=(*self.compose.overrides, self.paths.override))

    def _starter(self, compose: Compose, launch: Launch) -> Starter:
        return Starter(self.project, compose, self.docker, launch.before)

    def _require_service(self) -> None:
        service = self.project.settings.service
        if service not in self._config["services"]:
            raise ConfigError(
                f"there is no service {service!r}"
                f" (services: {', '.join(sorted(self._config['services']))})",
                code="no-service",
                where=str(self.compose.file),
                hint='name the one that serves the app: service = "..." in [tool.dogctl]',
            )

    def _own_ports(self) -> set[int]:
        return {port for each in self._containers() for port in each.ports.values()}

    def _require_ports(self) -> None:
        """Raise DogctlError if somebody else listens on a port that the stack is to publish."""
        own = self._own_ports()
        for service, port in published_ports(self._config):
            if port == self.project.settings.port:
                hint = f"dogctl up --port {free_port()}"
            else:
                hint = f"end that, or let {service} publish another port"
            # Another dogctl may have started the stack since it was asked.
            if port not in own and _is_taken(port) and port not in self._own_ports():
                raise port_taken(port, hint)


def _is_taken(port: int) -> bool:
    try:
        return not port_is_free(port)
    except PermissionError:
        return False  # denied to us, not to the engine
