"""A verb as data: named steps, previewed or executed from the same plan.

A step first asks the live system whether its work is already done (`done`), so that a second
run changes nothing and a run after a crash converges. Steps that do not need one another run
at the same time, in threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from enum import StrEnum
from time import monotonic
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
                yield from ((_inside(name, each), end) for each, end in outcome.inner.all())


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


def preview(plan: Plan) -> list[Preview]:
    """Ask every step what it would do, changing nothing."""
    previews, _ = look(plan)
    return previews


def look(plan: Plan, stop: threading.Event | None = None) -> tuple[list[Preview], Results]:
    """What every step would do, and what those answer that have nothing to do, or only look.

    With `stop` it ends as an execution does. Raises what a step raises, and Cancelled.
    """
    results = Results()
    previews = []
    for step in plan.steps:
        known = all(need in results for need in step.needs)
        run = Run(step, results, _Deaf(), stop or threading.Event())
        answer = _done(step, run, stop) if known else None
        if known and answer is None and step.previewed:
            answer = step.run(run)
        inner: list[Preview] = []
        if known and answer is None and step.plan:
            inner, found = look(step.plan(results), stop)
            answer = found if all(each.status for each in inner) else None
        if answer is not None:
            results.put(step.name, answer)
        status = Status.UNCHANGED if answer is not None else None
        detail = tuple(step.detail(results)) if known else ()
        previews.append(Preview(step.name, step.change(results), status, detail, step.looks))
        previews += [replace(each, step=_inside(step.name, each.step)) for each in inner]
    return previews, results


def _done(step: Step, run: Run, stop: threading.Event | None) -> Any | None:
    if stop is None:  # ^C is an exception here, which ends the program that is asked
        return step.done(run.results)
    return run.interruptible(lambda: step.done(run.results))


def _inside(outer: str, step: str) -> str:
    """What a step of another step's plan is called."""
    return f"{outer}/{step}"


def execute(plan: Plan, reporter: Reporter, stop: threading.Event | None = None) -> Report:
    """Run every step as soon as what it needs is done.

    After a failure, or once `stop` is set, only steps that run always start; those under way end at
    their next safe point. Never raises what a step raised: see Report.error.
    """
    return _Execution(plan, reporter, stop or threading.Event()).run()


class _Execution:
    def __init__(self, plan: Plan, reporter: Reporter, stop: threading.Event) -> None:
        self.report = Report(plan)
        self.reporter = reporter
        self.stop = stop
        self.waiting = list(plan.steps)
        self.running: dict[Future[Outcome], Step] = {}

    def run(self) -> Report:
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="step") as pool:
            self._start_ready(pool)
            while self.running:
                ended, _ = wait(self.running, WAKE_SECONDS, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._settle(self.running.pop(future), future.result())
                self._start_ready(pool)
        self._pass_over(self.waiting)
        return self.report

    def _start_ready(self, pool: ThreadPoolExecutor) -> None:
        ends = self.report.error or self.stop.is_set()
        if ends:
            self._pass_over([step for step in self.waiting if not step.always])
        for step in [step for step in self.waiting if self._is_ready(step)]:
            self.waiting.remove(step)
            self.running[pool.submit(self._run_step, step)] = step

    def _is_ready(self, step: Step) -> bool:
        if not step.always:
            return all(need in self.report.results for need in step.needs)
        ends = [self.report.outcomes.get(need) for need in step.needs]
        return all(ends) and any(end and end.began for end in ends)

    def _pass_over(self, steps: Sequence[Step]) -> None:
        for step in tuple(steps):
            self.waiting.remove(step)
            stopped = self._cancelled(step) if self.stop.is_set() else Outcome(Status.SKIPPED)
            self._settle(step, replace(stopped, began=False))

    def _run_step(self, step: Step) -> Outcome:
        began = monotonic()
        self.reporter.started(step)
        run = Run(step, self.report.results, self.reporter, self.stop)
        run = run.unstoppable() if step.always else run
        try:
            answer = run.interruptible(lambda: step.done(self.report.results))
            changes = answer is None and not step.looks
            status = Status.DONE if changes else Status.UNCHANGED
            if answer is None and step.plan:
                make = step.plan
                inner = run.interruptible(lambda: make(self.report.results))
                return self._run_inner(step, inner, began)
            if answer is None:
                answer = step.run(run)
        except Cancelled:
            return self._cancelled(step, monotonic() - began)
        except Exception as error:  # noqa: BLE001  (handed on in the report, raised by the caller)
            return Outcome(Status.FAILED, monotonic() - began, error)
        self.report.results.put(step.name, answer)
        return Outcome(status, monotonic() - began)

    def _run_inner(self, step: Step, plan: Plan, began: float) -> Outcome:
        report = execute(plan, _Inside(step, self.reporter), self.stop)
        seconds, error = monotonic() - began, report.error
        if error:
            stopped = isinstance(error, Cancelled)
            status = Status.CANCELLED if stopped else Status.FAILED
            return Outcome(status, seconds, error, inner=report)
        self.report.results.put(step.name, report.results)
        status = Status.DONE if report.changed else Status.UNCHANGED
        return Outcome(status, seconds, inner=report)

    def _cancelled(self, step: Step, seconds: float = 0.0) -> Outcome:
        known = all(need in self.report.results for need in step.needs)
        left = step.left(self.report.results) if known else None
        return Outcome(Status.CANCELLED, seconds, Cancelled(left))

    def _settle(self, step: Step, outcome: Outcome) -> None:
        self.report.outcomes[step.name] = outcome
        self.reporter.finished(step, outcome)


class _Deaf:
    """Hears nothing: a preview tells only what there is to do."""

    def started(self, step: Step) -> None: ...
    def progress(self, step: Step, message: str) -> None: ...
    def glance(self, step: Step, message: str) -> None: ...
    def finished(self, step: Step, outcome: Outcome) -> None: ...


class _Inside:
    """Hears of the steps of another step's plan, and tells whose they are."""

    def __init__(self, outer: Step, reporter: Reporter) -> None:
        self._outer = outer
        self._reporter = reporter

    def _named(self, step: Step) -> Step:
        return replace(step, name=_inside(self._outer.name, step.name))

    def started(self, step: Step) -> None:
        self._reporter.started(self._named(step))

    def progress(self, step: Step, message: str) -> None:
        self._reporter.progress(self._named(step), message)

    def glance(self, step: Step, message: str) -> None:
        self._reporter.glance(self._named(step), message)

    def finished(self, step: Step, outcome: Outcome) -> None:
        self._reporter.finished(self._named(step), outcome)
