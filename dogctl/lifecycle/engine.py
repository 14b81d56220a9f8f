"""What an engine is: it runs the app on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from dogctl.config.model import Engine
from dogctl.errors import DogctlError
from dogctl.plan import Step
from dogctl.tools.runner import Completed

if TYPE_CHECKING:
    from dogctl.config.model import Project


class State(StrEnum):
    UP = "up"
    UNHEALTHY = "unhealthy"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Service:
    """One container of a stack."""

    name: str
    image: str
    state: str
    health: str | None


@dataclass(frozen=True)
class Local:
    """The app on this machine, as the live system says.

    Args:
        engine: what runs it.
        state: whether it answers.
        url: where it answers.
        database: its database, for people.
        pid: its main process, where it is one of this machine.
        since: when it was started, as ISO 8601.
        health: what the health path says, in words.
        services: the containers, where it is a stack of them.
    """

    engine: Engine
    state: State
    url: str | None = None
    database: str | None = None
    pid: int | None = None
    since: str | None = None
    health: str | None = None
    services: tuple[Service, ...] = ()


@dataclass(frozen=True)
class Ready:
    """What `up` ends in: the app as it runs, and whether this run has started it."""

    local: Local
    fresh: bool


@dataclass(frozen=True)
class Stopped:
    """What a step of `down` ended: processes or containers, and whether data is gone with them."""

    count: int = 0
    deleted: bool = False


class LocalEngine(Protocol):
    """Runs the app on this machine. Methods raise DogctlError where the engine fails them."""

    kind: Engine

    def runs(self) -> bool:
        """Whether anything of the app runs, or may run where that cannot be asked."""
        ...

    def look(self) -> Local:
        """What runs, and whether it answers: State.DOWN if nothing of it does, State.UNKNOWN if that cannot be asked."""
        ...

    def used(self) -> float:
        """When it was last used here, in seconds since 1970; 0 if never."""
        ...

    def up(self, version: str) -> tuple[Step, ...]:
        """Steps that start the app; the last one is `health` and answers a Ready."""
        ...

    def down(self, *, volumes: bool) -> tuple[Step, ...]:
        """Steps that end it, with `volumes` its data too; each answers a Stopped."""
        ...

    def data(self) -> str | None:
        """The data that `down` would delete with `volumes`, for people; None if there is none."""
        ...

    def recent(self, count: int, service: str | None) -> list[str]:
        """The last lines of the app's log, or of another service's."""
        ...

    def follow(self, count: int, service: str | None) -> Iterator[str]:
        """The last lines and every further one, without end, over restarts."""
        ...

    def admin(self, words: Sequence[str], stdin: bytes, timeout: float) -> Completed:
        """Run the app's admin command where the app runs; `timeout` in seconds."""
        ...


def not_running(project: Project) -> DogctlError:
    """The error of a command that needs the app to run here."""
    return DogctlError(
        f"{project.settings.name} is not running here", code="not-running", hint="dogctl up"
    )
