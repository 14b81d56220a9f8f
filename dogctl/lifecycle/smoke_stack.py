"""The steps of a smoke test: find the image, bring its stack up, ask, restart, ask again, remove."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any

from dogctl.errors import Cancelled, ConfigError, DogctlError, ToolError
from dogctl.lifecycle.builder import build_services, guarded_dockerfile
from dogctl.lifecycle.engine import Local
from dogctl.lifecycle.image import shown
from dogctl.lifecycle.local import Paths
from dogctl.lifecycle.smoke_ask import after_restart, ask_at, count_now
from dogctl.lifecycle.smoke_checks import (
    Finding,
    ask_all,
    default_checks,
    hardening,
    steadiness,
)
from dogctl.lifecycle.smoke_config import isolated, pass_key, publishes
from dogctl.lifecycle.smoke_passes import Pass, Passes
from dogctl.lifecycle.smoke_report import evidence, failed_check, failure
from dogctl.lifecycle.smoke_runs import OwnRun, Runs
from dogctl.lifecycle.stack_start import Starter
from dogctl.lifecycle.stack_state import by_id
from dogctl.plan import Results, Run, Step
from dogctl.registries.base import LoginSource
from dogctl.registries.refusals import Refusal
from dogctl.tools.compose import STDIN, Compose, builds
from dogctl.tools.docker import PULL_REFUSED, Container, Docker
from dogctl.tools.processes import MARK

if TYPE_CHECKING:
    from dogctl.config.checks import Check
    from dogctl.config.model import Project
    from dogctl.image import ImageRef

# How long the engine may take to notice that a container which does not answer has ended.
NOTICE = 1.0
POLL = 0.1


@dataclass(frozen=True)
class Image:
    """The image under test: its name, and what that is on this engine."""

    ref: ImageRef
    id: str


@dataclass(frozen=True)
class Up:
    """A stack that was started for the test."""

    name: str
    compose: Compose


def leftovers(runs: Runs, *, kept: bool = False) -> Step:
    """Remove the stacks of dead smoke tests, with `kept` also those that were to stay."""
    return Step(
        "leftovers",
        lambda _: (
            "remove what dead smoke tests have left" + (", and what was kept" if kept else "")
        ),
        lambda step: runs.sweep(step, kept=kept),
        done=lambda _: None if runs.left(kept=kept) else (),
    )


@dataclass
class SmokeTest:
    """One smoke test.

    Args:
        project: whose app it is.
        ref: the image under test.
        built: whether that is to come from `dogctl build`, and not from a registry.
        compose: the project's stack, as it is resolved for all smoke tests.
        runs: the smoke tests of this machine.
        login: the login for the registry that the image may have to be pulled from.
        again: whether to test what has passed before.
        keep: whether to leave the stack up.
    """

    project: Project
    ref: ImageRef
    built: bool
    compose: Compose
    runs: Runs
    login: LoginSource
    again: bool
    keep: bool
    _own: OwnRun | None = None
    _findings: list[Finding] = field(default_factory=list)

    def steps(self) -> tuple[Step, ...]:
        """leftovers, image, start, health, checks, restart (if a check is to survive one), remove.

        Raises ToolError if Compose refuses the file, ConfigError if it does not fit.
        """
        self._require_service()
        steps = [
            leftovers(self.runs),
            self._image(),
            self._start(),
            self._wait_until_healthy(),
            self._check(),
        ]
        if self._survivors:
            steps.append(self._restart())
        needs = tuple(step.name for step in steps[2:])
        return (*steps, self._keep(needs) if self.keep else self._remove(needs))

    @property
    def _docker(self) -> Docker:
        return self.runs.docker

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        return self.compose.config()

    @cached_property
    def _checks(self) -> tuple[Check, ...]:
        settings = self.project.settings
        return settings.checks or default_checks(settings.health)

    @property
    def _survivors(self) -> tuple[Check, ...]:
        return tuple(check for check in self._checks if check.survives_restart)

    @property
    def _passes(self) -> Passes:
        return Passes(Paths(self.project.state).passes)

    def _isolated(self, image: Image, name: str) -> dict[str, Any]:
        label, value = self.runs.label
        service = self.project.settings.service
        return isolated(self._config, service, image.id, name, {label: value})

    def _key(self, image: Image) -> str:
        return pass_key(self._isolated(image, self.runs.base), image.id, self._checks)

    def _image(self) -> Step:
        def done(_: Results) -> Image | None:
            found = self._docker.image(str(self.ref))
            if found is None and self.built:
                raise DogctlError(
                    f"the engine has no image {shown(self.ref)}",
                    code="image-missing",
                    hint="dogctl build",
                )
            return Image(self.ref, found.id) if found else None

        def run(step: Run) -> Image:
            self._pull(step)
            pulled = self._docker.image(str(self.ref))
            return Image(self.ref, pulled.id if pulled else "")

        change = f"find {shown(self.ref)}, or pull it"
        return Step("image", lambda _: change, run, done=done)

    def _pull(self, step: Run) -> None:
        login = self.login()
        try:
            for line in self._docker.pull(str(self.ref), login.auth_config() if login else None):
                step.check()
                step.progress(line)
        except ToolError as error:
            if error.code != PULL_REFUSED:
                raise
            refusal = Refusal(self.ref, says=error.detail, logged_in=login is not None)
            raise refusal.error() from error

    def _start(self) -> Step:
        def done(results: Results) -> Pass | None:
            if self.again or self.keep:
                return None
            return self._passes.find(self._key(results["image"]))

        def run(step: Run) -> Up:
            self._own = self.runs.begin()
            config = self._guarded(self._isolated(step.results["image"], self._own.name))
            up = Up(self._own.name, self._own_compose(config))
            with self._evident():
                if others := tuple(builds(config)):
                    build_services(up.compose, others, step)
                self._starter(up).bring_up(step)
            return up

        def change(_: Results) -> str:
            services = ", ".join(sorted(self._config["services"]))
            return f"start {services} with {shown(self.ref)}, apart from all other stacks"

        return Step("start", change, run, needs=("image",), done=done)

    def _wait_until_healthy(self) -> Step:
        def run(step: Run) -> Local:
            with self._evident():
                return self._starter(step.results["start"]).wait_until_healthy(step)

        change = f"wait until all services and {self.project.settings.health} are healthy"
        return Step("health", lambda _: change, run, needs=("start",), done=_passed)

    def _check(self) -> Step:
        def done(results: Results) -> tuple[Finding, ...] | None:
            passed = _passed(results)
            return passed.findings if passed else None

        def run(step: Run) -> tuple[Finding, ...]:
            before = self._containers()
            with self._evident():
                app = next(c for c in before if c.service == self.project.settings.service)
                self._findings += hardening(app)
                self._findings += ask_all(self._checks, ask_at(step.results["health"].url))
                self._judge(step, before)
                if not self._survivors:
                    self._remember(step)
            return tuple(self._findings)

        change = f"check user, file system and {', '.join(map(str, self._checks))}"
        return Step("checks", lambda _: change, run, needs=("health",), done=done)

    def _restart(self) -> Step:
        counters = [check for check in self._survivors if check.increases_by is not None]
        others = [check for check in self._survivors if check.increases_by is None]
        settings = self.project.settings
        services = [
            name
            for name in (settings.service, settings.database_service)
            if name in self._config["services"]
        ]

        def run(step: Run) -> tuple[Finding, ...]:
            up: Up = step.results["start"]
            known = len(self._findings)
            with self._evident():
                get = ask_at(step.results["health"].url)
                counts = [count_now(check, get) for check in counters]
                step.progress(f"stopping {', '.join(services)}")
                up.compose.stop(services, step.stop)
                starter = self._starter(up, self._containers())
                starter.bring_up(step)
                local = starter.wait_until_healthy(step)
                before, get = self._containers(), ask_at(local.url)
                for check, count in zip(counters, counts, strict=True):
                    self._findings.append(after_restart(check, get, count))
                self._findings += ask_all(others, get)
                self._judge(step, before)
                self._remember(step)
            return tuple(self._findings[known:])

        change = f"restart {' and '.join(services)}, and check what is to survive that"
        return Step(
            "restart",
            lambda _: change,
            run,
            needs=("checks",),
            done=lambda results: () if _passed(results) else None,
        )

    def _remove(self, needs: tuple[str, ...]) -> Step:
        def run(step: Run) -> str:
            if self._own:
                self.runs.remove(self._own.name, step)
                self._own.end()
            return ""

        return Step(
            "remove",
            lambda _: "remove all of that stack",
            run,
            needs=needs,
            done=lambda _: None if self._own else "",
            always=True,
        )

    def _keep(self, needs: tuple[str, ...]) -> Step:
        def run(step: Run) -> str | None:
            if self._own:
                self._own.keep()
            return step.results["health"].url if "health" in step.results else ""

        words = "leave the stack up until dogctl smoke --clean"
        return Step("keep", lambda _: words, run, needs=needs, always=True)

    def _own_compose(self, config: Mapping[str, Any]) -> Compose:
        name = config["name"]
        return replace(
            self.compose,
            file=STDIN,
            name=name,
            environ={**self.compose.environ, "COMPOSE_PROJECT_NAME": name, MARK: name},
            text=json.dumps(config).encode(),
        )

    def _guarded(self, config: dict[str, Any]) -> dict[str, Any]:
        """With our own data out of the images that are built for the test."""
        folder = Paths(self.project.state).build
        for service, build in builds(config).items():
            values = config["services"][service]
            values["build"] = {**values["build"], **guarded_dockerfile(service, build, folder)}
        return config

    def _starter(self, up: Up, before: Sequence[Container] = ()) -> Starter:
        return Starter(self.project, up.compose, self._docker, by_id(before))

    def _containers(self) -> tuple[Container, ...]:
        return self._docker.containers(self._own.name) if self._own else ()

    def _remember(self, step: Run) -> None:
        image: Image = step.results["image"]
        try:
            self._passes.remember(self._key(image), self._findings)
        except OSError as error:  # such as a full disk: the test has been passed all the same
            step.progress(f"the pass cannot be remembered: {error.strerror}")

    def _judge(self, step: Run, before: Sequence[Container]) -> None:
        """Raise DogctlError if a check has failed; a container that has ended is the cause."""
        deadline = monotonic() + NOTICE
        steady = steadiness(before, self._containers())
        while failed_check(self._findings) and not steady.problem and monotonic() < deadline:
            step.sleep(POLL)
            steady = steadiness(before, self._containers())
        self._findings.insert(0 if steady.problem else len(self._findings), steady)
        if error := failed_check(self._findings):
            raise error

    @contextmanager
    def _evident(self) -> Iterator[None]:
        """Whatever fails is told with what all services say, before they are gone."""
        try:
            yield
        except Cancelled:
            raise
        except DogctlError as error:
            services: list[dict[str, Any]] = []
            with suppress(ToolError):  # an engine that has gone away hides no cause
                services = evidence(self._docker, self._containers())
            kept = self._own.name if self.keep and self._own else None
            raise failure(error, self.ref, self._findings, services, kept) from error

    def _require_service(self) -> None:
        service = self.project.settings.service
        services = self._config["services"]
        where = self.project.origins["service"]
        file = self.compose.file.name
        if service not in services:
            raise ConfigError(
                f"{file} has no service {service!r} (services: {', '.join(sorted(services))})",
                code="no-service",
                where=where,
                hint="set service to the one that serves the app",
            )
        if not publishes(self._config, service):
            raise ConfigError(
                f"the service {service} in {file} publishes no port, so nobody can ask it anything",
                code="no-port",
                where=where,
                hint='add ports: ["127.0.0.1:${FLASK_PORT:-5000}:5000"] to it',
            )


def _passed(results: Results) -> Pass | None:
    start = results["start"]
    return start if isinstance(start, Pass) else None
