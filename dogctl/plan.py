"""A verb as data: named steps, previewed or executed from the same plan (execution.py).

A step first asks the live system whether its work is already done (`done`), so that a second
run changes nothing and a run after a crash converges.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from dogctl.errors import Cancelled

Answer = TypeVar("Answer")

# Python handles a signal in the main thread only, and one that comes just before that thread
# waits does not wake it.
WAKE_SECONDS = 0.2


def settle(future: Future[Answer], work: Callable[[], Answer]) -> None:
    """Have what some work answers, or raises, be the future's."""
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001  (it is raised where it is waited for)
        future.set_exception(error)


class Results:
    """What the steps so far have answered, by step name."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def __getitem__(self, step: str) -> Any:
        return self._values[step]

    def __contains__(self, step: object) -> bool:
        return step in self._values

    def get(self, step: str, default: Any = None) -> Any:
        return self._values.get(step, default)

    def put(self, step: str, value: Any) -> None:
        self._values[step] = value

    def show(self, step: str, read: Callable[[Any], str] = str) -> str:
        """The step's answer as text, or `known after STEP` while it has not run."""
        return read(self._values[step]) if step in self._values else f"known after {step}"


class Status(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Reporter(Protocol):
    """Hears what happens while a plan runs; called from several threads."""

    def started(self, step: Step) -> None: ...
    def progress(self, step: Step, message: str) -> None: ...
    def glance(self, step: Step, message: str) -> None: ...
    def finished(self, step: Step, outcome: Outcome) -> None: ...


class Run:
    """What a running step may use: earlier results, progress, and the request to stop."""

    def __init__(
        self, step: Step, results: Results, reporter: Reporter, stop: threading.Event
    ) -> None:
        self._step = step
        self._reporter = reporter
        self.results = results
        self.stop = stop

    def progress(self, message: str) -> None:
        self._reporter.progress(self._step, message)

    def glance(self, message: str) -> None:
        """Progress that is worth a look and no line in a log, such as a count of bytes."""
        self._reporter.glance(self._step, message)

    def check(self) -> None:
        """A safe point. Raises Cancelled when the user asked to stop."""
        if self.stop.is_set():
            raise Cancelled

    def unstoppable(self) -> Run:
        """The same, for what has to be brought to its end even if the user asks to stop."""
        return Run(self._step, self.results, self._reporter, threading.Event())

    def interruptible(self, work: Callable[[], Answer]) -> Answer:
        """What some work answers that may be given up at any point, such as a question.

        Whoever is asked may never answer. Raises Cancelled as soon as the user asks to stop.
        """
        future: Future[Answer] = Future()
        threading.Thread(target=settle, args=(future, work), daemon=True).start()
        while not wait([future], WAKE_SECONDS).done:
            self.check()
        return future.result()

    def sleep(self, seconds: float) -> None:
        """Wait, but stop at once when the user asks to. Raises Cancelled."""
        if self.stop.wait(seconds):
            raise Cancelled


@dataclass(frozen=True)
class Step:
    """One named piece of a plan.

    Args:
        name: what it is called in previews, progress and reports.
        change: one line: what it will change and why; may quote earlier results.
        run: does it, and answers what later steps and the report need.
        needs: names of the steps whose results it uses.
        done: looks at the live system: the answer if the work is done already, else None. It is
            given up when the user asks to stop.
        left: what the steps before it leave as it is if the user stops here.
        detail: further lines of a preview: all that it will change, as far as that is known.
        looks: whether it only looks, so that there is never anything of it to do.
        previewed: whether a preview runs it too, since it changes nothing and the rest of the plan
            cannot be told without its answer.
        always: whether it tears down: once one of the steps that it needs has begun, it runs when
            all of them have ended, however they did, and a request to stop does not reach it.
        plan: makes the plan whose steps are its work, instead of `run`; answers their results.
    """

    name: str
    change: Callable[[Results], str]
    run: Callable[[Run], Any]
    needs: tuple[str, ...] = ()
    done: Callable[[Results], Any | None] = lambda _: None
    left: Callable[[Results], str | None] = lambda _: None
    detail: Callable[[Results], Sequence[str]] = lambda _: ()
    looks: bool = False
    previewed: bool = False
    always: bool = False
    plan: Callable[[Results], Plan] | None = None


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which each comes after what it needs.

    Args:
        verb: the command's name.
        steps: the steps.
        warning: what will be lost; if set, the user is asked first.
        typed: a name that the user has to type then, where a yes is too easily said.
    """

    verb: str
    steps: tuple[Step, ...]
    warning: str | None = None
    typed: str | None = None

    def __post_init__(self) -> None:
        known: set[str] = set()
        for step in self.steps:
            if step.name in known:
                raise ValueError(f"{self.verb}: two steps are named {step.name!r}")
            if missing := set(step.needs) - known:
                raise ValueError(f"{self.verb}: {step.name!r} needs {missing} before it")
            known.add(step.name)


@dataclass(frozen=True)
class Outcome:
    """How one step ended; `seconds` it took, `error` if it failed, whether it ever `began`.

    `inner` is what the steps of its own plan did, if it has one.
    """

    status: Status
    seconds: float = 0.0
    error: BaseException | None = None
    began: bool = True
    inner: Report | None = None


@dataclass
class Report:
    """What was done: the outcome of every step, and the answers of those that ran."""

    plan: Plan
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    results: Results = field(default_factory=Results)

    @property
    def error(self) -> BaseException | None:
        """The first failure in the order of the plan, or Cancelled, or None."""
        outcomes = (self.outcomes.get(step.name) for step in self.plan.steps)
        return next((each.error for each in outcomes if each and each.error), None)

    @property
    def changed(self) -> bool:
        return any(outcome.status is Status.DONE for outcome in self.outcomes.values())

    def all(self) -> Iterator[tuple[str, Outcome]]:
        """The outcomes with their steps' names; those of a step's own plan come after its own."""
        for name, outcome in self.outcomes.items():
            yield name, outcome
            if outcome.inner:
                yield from ((inside(name, each), end) for each, end in outcome.inner.all())


@dataclass(frozen=True)
class Preview:
    """What a step would do.

    Args:
        change: its one line.
        status: unchanged, or None if it would run.
        detail: all that it would change, a line each.
        looks: whether the step only looks.
    """

    step: str
    change: str
    status: Status | None
    detail: tuple[str, ...] = ()
    looks: bool = False


def stage(
    name: str,
    change: Callable[[Results], str],
    plan: Callable[[Results], Plan],
    needs: tuple[str, ...] = (),
    done: Callable[[Results], Any | None] = lambda _: None,
) -> Step:
    """A step whose work is a plan of its own, made once what it needs is known."""

    def run(_: Run) -> Any:
        raise AssertionError("its plan is its work")

    return Step(name, change, run, needs=needs, done=done, plan=plan)


def inside(outer: str, step: str) -> str:
    """What a step of another step's plan is called."""
    return f"{outer}/{step}"
