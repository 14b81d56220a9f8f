"""What every command is given: the project it is about, and the channel it answers on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer
from dogctl.errors import Cancelled, DogctlError
from dogctl.output.channel import Channel

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.plan import Plan, Report, Results


@dataclass
class Session:
    """One run of one command.

    Args:
        channel: where it answers.
        folder: the project's folder, if the user named one.
        environment: the environment, if the user named one.
    """

    channel: Channel
    folder: Path | None = None
    environment: str | None = None

    @cached_property
    def project(self) -> Project:
        """The project as it is configured. Raises ConfigError."""
        project = self.load()
        if project.bundled:
            self.channel.note("No project here: this is about the app that comes with dogctl.")
        return project

    def load(self, **flags: Any) -> Project:
        """The project with the settings that were given as flags. Raises ConfigError."""
        from dogctl.config.load import load

        project = load(folder=self.folder, environment=self.environment, flags=flags)
        self.channel.redact.add(*project.secrets())
        return project

    def perform(
        self,
        plan: Plan,
        answer: Callable[[Results], Answer],
        *,
        dry_run: bool = False,
        yes: bool = False,
        confirm: str | None = None,
        left: Callable[[Results], Sequence[str]] = lambda _: (),
    ) -> Answer:
        """Preview the plan, or ask for it and execute it.

        `confirm` is the name that the user has typed, for a plan that asks for one; `left` says
        what remains changed when a step has failed.

        Raises what the first failed step raised, or Cancelled.
        """
        if dry_run:
            return self.preview(plan)
        if plan.warning and not (yes and confirm == (plan.typed or confirm)):
            self.channel.confirm(plan.warning, plan.typed)
        report, _ = self._execute(plan, left)
        done = answer(report.results)
        data = {**done.data, "changed": report.changed, "steps": _steps(report)}
        return replace(done, data=data)

    def preview(self, plan: Plan) -> Answer:
        """Show what the plan would do, and change nothing. Raises DogctlError."""
        from dogctl.execution import preview

        previews = preview(plan)
        self.channel.preview(plan.verb, previews)
        steps = [asdict(each) for each in previews]
        return Answer({"dry_run": True, "steps": steps})

    def look(self, plan: Plan) -> Results:
        """What the steps of a plan answer that changes nothing. Raises as `perform` does."""
        report, stopped = self._execute(plan)
        if stopped:  # at the last moment, and something is about to be done
            raise Cancelled
        return report.results

    def _execute(
        self, plan: Plan, left: Callable[[Results], Sequence[str]] = lambda _: ()
    ) -> tuple[Report, bool]:
        """What was done, and whether the user has asked to stop meanwhile."""
        from dogctl.execution import execute

        with stop_on_signals() as stop, self.channel.reporter() as reporter:
            report = execute(plan, reporter, stop)
        _raise_failure(report, left)
        return report, stop.is_set()


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that ^C and SIGTERM set, for steps to stop at their next safe point."""
    stop = threading.Event()

    def handle(_: int, __: object) -> None:
        stop.set()

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _steps(report: Report) -> list[dict[str, Any]]:
    return [
        {"step": name, "status": outcome.status, "seconds": round(outcome.seconds, 3)}
        for name, outcome in report.all()
    ]


def _raise_failure(report: Report, left: Callable[[Results], Sequence[str]]) -> None:
    error = report.error
    if error is None:
        return
    if isinstance(error, DogctlError):
        others = _others(report, error)
        error.detail = (
            *_inner_step(report, error),
            *error.detail,
            *others,
            *left(report.results),
        )
        error.data = {**(error.data or {}), "steps": _steps(report)}
    raise error


def _inner_step(report: Report, error: DogctlError) -> Iterator[str]:
    """Where it failed, if that is inside of another step."""
    names = [name for name, outcome in report.all() if outcome.error is error]
    if names and "/" in names[-1]:
        yield f"step: {names[-1]}"


def _others(report: Report, error: DogctlError) -> Iterator[str]:
    """What steps that ran at the same time have to say of how they ended, and what they left."""
    for name, outcome in report.outcomes.items():
        other = outcome.error
        if other is None or other is error or not outcome.began:
            continue
        if not isinstance(other, Cancelled):
            yield f"{name} failed too: {other}"
        if isinstance(other, DogctlError):
            yield from other.detail
