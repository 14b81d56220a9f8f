"""Starting the containers of a stack: what will never come up ends the wait, with its cause."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from dogctl.errors import Cancelled, DogctlError, ToolError
from dogctl.lifecycle.engine import Local, State
from dogctl.lifecycle.health import Health, unhealthy
from dogctl.lifecycle.log_file import LOG_LINES
from dogctl.lifecycle.stack_state import RESTARTS, describe, describe_end, doomed, progress, started
from dogctl.plan import Run
from dogctl.tools.compose import Compose
from dogctl.tools.docker import Container, Docker

if TYPE_CHECKING:
    from dogctl.config.model import Project

Look = Callable[[], tuple[Container, ...]]

POLL = 0.25


@dataclass(frozen=True)
class Starter:
    """Brings a stack up.

    Args:
        project: whose app it is.
        compose: the stack.
        docker: where it runs.
        before: the containers that there were before, by id; what they did does not count.
    """

    project: Project
    compose: Compose
    docker: Docker
    before: Mapping[str, Container]

    def bring_up(self, step: Run, inherit: Sequence[int] = ()) -> None:
        """Start the containers. Raises DogctlError with the cause, Cancelled."""

        def listen(line: str) -> None:
            service, _, does = line.strip().partition(" ")
            if does == "Pulling":  # there is no container to look at yet
                step.progress(f"pulling the image of {service}")

        with self._watched(step) as stop:
            done = self.compose.up(listen, stop, inherit)
        if done.code:
            said = tuple(done.stderr.splitlines()[-LOG_LINES:])
            raise self._failure(self._doomed(self._containers()), said)

    def wait_until_healthy(self, step: Run) -> Local:
        """The app, once it answers. Raises DogctlError with the cause, Cancelled."""
        with self.docker.watch(self.compose.name) as look:
            return self._wait(look, step)

    def _wait(self, look: Look, step: Run) -> Local:
        settings = self.project.settings
        deadline = monotonic() + settings.start_timeout
        while True:
            containers = look()
            local = describe(self.project, containers)
            if local.state is State.UP:
                return local
            if culprits := doomed(containers, self.before):
                raise self._failure(culprits)
            reason = local.health or ""
            if monotonic() > deadline:
                where = local.url or self.compose.name
                raise unhealthy(settings, where, Health(False, reason), self._last_lines())
            step.progress(f"waiting: {reason}")
            step.sleep(POLL)

    def _containers(self) -> tuple[Container, ...]:
        return self.docker.containers(self.compose.name)

    def _doomed(self, containers: Sequence[Container]) -> list[Container]:
        return doomed(started(containers, self.before), self.before)

    @contextmanager
    def _watched(self, step: Run) -> Iterator[threading.Event]:
        """Tell how the containers come up, and stop what waits for one that never will.

        Raises DogctlError with the cause in place of Cancelled if it was us who stopped it.
        """
        stop, ended = threading.Event(), threading.Event()
        culprits: list[Container] = []

        def watch() -> None:
            # Where the engine fails us, the program that we watch for will tell.
            with suppress(ToolError), self.docker.watch(self.compose.name) as look:
                while not ended.wait(POLL) and not stop.is_set():
                    with suppress(ToolError):
                        containers = look()
                        if coming := progress(containers):
                            step.progress(coming)
                        culprits.extend(self._doomed(containers))
                    if culprits or step.stop.is_set():
                        stop.set()

        thread = threading.Thread(target=watch, name="watch")
        thread.start()
        try:
            yield stop
        except Cancelled:
            if step.stop.is_set():
                raise
            raise self._failure(culprits) from None
        finally:
            ended.set()
            thread.join()

    def _failure(self, culprits: Sequence[Container], said: tuple[str, ...] = ()) -> DogctlError:
        """The cause of a stack that does not come up; `said` is what Compose said of it."""
        if not culprits:
            return ToolError(
                "docker compose cannot start the stack",
                code="compose-failed",
                where=self.compose.name,
                hint="correct that and run the command again",
                detail=said,
            )
        return self._cause(culprits[0])

    def _cause(self, culprit: Container) -> DogctlError:
        unwell = culprit.health == "unhealthy" and culprit.restarts < RESTARTS
        return DogctlError(
            describe_end(culprit),
            code="service-unhealthy" if unwell else "service-ended",
            where=self.compose.name,
            hint=f"dogctl logs --service {culprit.service} shows more; dogctl down stops the rest",
            detail=tuple(self.docker.logs(culprit.id, LOG_LINES)),
        )

    def _last_lines(self) -> tuple[str, ...]:
        wanted = self.project.settings.service
        app = next((each for each in self._containers() if each.service == wanted), None)
        return tuple(self.docker.logs(app.id, LOG_LINES)) if app else ()
