"""Previewing a plan, and carrying it out: steps that do not need one another run at the same time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from time import monotonic
from typing import Any

from dogctl.errors import Cancelled
from dogctl.plan import (
    WAKE_SECONDS,
    Outcome,
    Plan,
    Preview,
    Report,
    Reporter,
    Results,
    Run,
    Status,
    Step,
    inside,
)


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
        previews += [replace(each, step=inside(step.name, each.step)) for each in inner]
    return previews, results


def _done(step: Step, run: Run, stop: threading.Event | None) -> Any | None:
    if stop is None:  # ^C is an exception here, which ends the program that is asked
        return step.done(run.results)
    return run.interruptible(lambda: step.done(run.results))


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
        return replace(step, name=inside(self._outer.name, step.name))

    def started(self, step: Step) -> None:
        self._reporter.started(self._named(step))

    def progress(self, step: Step, message: str) -> None:
        self._reporter.progress(self._named(step), message)

    def glance(self, step: Step, message: str) -> None:
        self._reporter.glance(self._named(step), message)

    def finished(self, step: Step, outcome: Outcome) -> None:
        self._reporter.finished(self._named(step), outcome)
