"""The executor and the preview, which read the same plan."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from typing import Any

import pytest

from dogctl.errors import Cancelled, DogctlError
from dogctl.execution import execute, preview
from dogctl.plan import Outcome, Plan, Results, Run, Status, Step, stage


class Recorder:
    """A Reporter that remembers."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def started(self, step: Step) -> None:
        self.heard.append(f"{step.name} started")

    def progress(self, step: Step, message: str) -> None:
        self.heard.append(f"{step.name}: {message}")

    def glance(self, step: Step, message: str) -> None: ...

    def finished(self, step: Step, outcome: Outcome) -> None:
        self.heard.append(f"{step.name} {outcome.status}")


def step(name: str, *needs: str, answer: Any = None, done: Any = None) -> Step:
    def run(run: Run) -> Any:
        run.progress("working")
        return answer if answer is not None else name.upper()

    return Step(
        name,
        lambda results: f"make {name} from " + ", ".join(results.show(need) for need in needs),
        run,
        needs,
        lambda _: done,
    )


def statuses(plan: Plan, stop: threading.Event | None = None) -> dict[str, Status]:
    report = execute(plan, Recorder(), stop)
    return {name: outcome.status for name, outcome in report.outcomes.items()}


def test_steps_run_after_what_they_need_and_see_its_answer() -> None:
    seen = []
    last = Step("b", lambda _: "", lambda run: seen.append(run.results["a"]) or 1, ("a",))
    recorder = Recorder()
    report = execute(Plan("test", (step("a"), last)), recorder)
    assert seen == ["A"]
    assert report.error is None
    assert recorder.heard == ["a started", "a: working", "a done", "b started", "b done"]


def test_steps_that_do_not_need_one_another_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=5)
    steps = [Step(n, lambda _: "", lambda _: meeting.wait() or True) for n in ("a", "b")]
    assert set(statuses(Plan("test", tuple(steps))).values()) == {Status.DONE}


def test_what_is_done_already_is_not_run_and_counts_as_unchanged() -> None:
    plan = Plan("test", (step("a", done="there"), step("b", "a")))
    report = execute(plan, Recorder())
    assert report.outcomes["a"].status is Status.UNCHANGED
    assert report.results["a"] == "there"
    assert not execute(Plan("test", (step("a", done="there"),)), Recorder()).changed


def test_a_failure_skips_what_comes_after_it() -> None:
    def fail(_: Run) -> None:
        raise DogctlError("no", code="no")

    plan = Plan("test", (Step("a", lambda _: "", fail), step("b", "a"), step("c", "b")))
    report = execute(plan, Recorder())
    assert [o.status for o in report.outcomes.values()] == ["failed", "skipped", "skipped"]
    assert isinstance(report.error, DogctlError)


def test_a_request_to_stop_ends_at_the_next_safe_point() -> None:
    stop = threading.Event()

    def wait(run: Run) -> None:
        stop.set()
        run.sleep(60)

    plan = Plan("test", (Step("a", lambda _: "", wait), step("b", "a")))
    report = execute(plan, Recorder(), stop)
    assert [o.status for o in report.outcomes.values()] == ["cancelled", "cancelled"]
    assert isinstance(report.error, Cancelled)


def test_a_finished_step_stays_finished_after_a_request_to_stop() -> None:
    stop = threading.Event()
    plan = Plan("test", (Step("a", lambda _: "", lambda _: stop.set() or "A"), step("b", "a")))
    assert statuses(plan, stop) == {"a": Status.DONE, "b": Status.CANCELLED}


def test_a_signal_that_does_not_wake_the_main_thread_is_heard_all_the_same() -> None:
    stop = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: stop.set())

    def wait(run: Run) -> bool:
        run.sleep(0.3)  # by now the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        run.sleep(10)
        return True

    try:
        assert statuses(Plan("test", (Step("a", lambda _: "", wait),)), stop) == {
            "a": Status.CANCELLED
        }
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_request_to_stop_says_what_was_left() -> None:
    stop = threading.Event()
    last = Step("b", lambda _: "", lambda _: 1, ("a",), left=lambda results: f"{results['a']} runs")
    plan = Plan("test", (Step("a", lambda _: "", lambda _: stop.set() or "A"), last))
    error = execute(plan, Recorder(), stop).error
    assert isinstance(error, Cancelled)
    assert error.detail == ("A runs",)


def test_the_preview_says_what_is_not_known_yet() -> None:
    plan = Plan("test", (step("a", done="there"), step("b", "a"), step("c", "b")))
    assert [(p.change, p.status) for p in preview(plan)] == [
        ("make a from ", Status.UNCHANGED),
        ("make b from there", None),
        ("make c from known after b", None),
    ]


def test_the_preview_runs_nothing() -> None:
    def run(_: Run) -> None:
        pytest.fail("it ran")

    preview(Plan("test", (Step("a", lambda _: "", run),)))


@pytest.mark.parametrize("steps", [(step("a"), step("a")), (step("b", "a"), step("a"))])
def test_a_plan_out_of_order_is_a_mistake(steps: tuple[Step, ...]) -> None:
    with pytest.raises(ValueError, match="test: "):
        Plan("test", steps)


def test_results_show_an_answer_by_the_part_that_matters() -> None:
    results = Results()
    results.put("push", {"digest": "sha256:1"})
    assert results.show("push", lambda answer: answer["digest"]) == "sha256:1"


def fail(_: Run) -> None:
    raise DogctlError("no", code="no")


def torn_down(*steps: Step, stop: threading.Event | None = None) -> dict[str, Status]:
    last = replace(step("z", *(each.name for each in steps)), always=True)
    return statuses(Plan("test", (*steps, last)), stop)


def test_what_runs_always_runs_after_a_failure_too() -> None:
    failing = Step("a", lambda _: "", fail)
    assert torn_down(step("a"), step("b", "a"))["z"] is Status.DONE
    assert torn_down(failing, step("b", "a")) == {
        "a": Status.FAILED,
        "b": Status.SKIPPED,
        "z": Status.DONE,
    }


def test_a_request_to_stop_does_not_reach_what_runs_always() -> None:
    stop = threading.Event()

    def wait(run: Run) -> None:
        stop.set()
        run.sleep(60)

    last = Step("z", lambda _: "", lambda run: run.sleep(0.01) or "gone", ("a",), always=True)
    report = execute(Plan("test", (Step("a", lambda _: "", wait), last)), Recorder(), stop)
    assert [outcome.status for outcome in report.outcomes.values()] == ["cancelled", "done"]
    assert isinstance(report.error, Cancelled)


def test_what_never_began_is_not_torn_down() -> None:
    failing = Step("first", lambda _: "", fail)
    last = replace(step("z", "a"), always=True)
    assert statuses(Plan("test", (failing, step("a", "first"), last))) == {
        "first": Status.FAILED,
        "a": Status.SKIPPED,
        "z": Status.SKIPPED,
    }


def nested(*inner: Step, needs: tuple[str, ...] = ()) -> Step:
    return stage("outer", lambda _: "do more", lambda _: Plan("inner", inner), needs)


def test_a_step_may_be_a_plan_of_its_own() -> None:
    recorder = Recorder()
    plan = Plan("test", (step("a"), nested(step("b"), step("c", "b"), needs=("a",))))
    report = execute(plan, recorder)
    assert report.results["outer"]["c"] == "C"
    assert "outer/b: working" in recorder.heard
    assert [name for name, _ in report.all()] == ["a", "outer", "outer/b", "outer/c"]
    assert report.outcomes["outer"].status is Status.DONE


def test_an_inner_plan_with_nothing_to_do_changes_nothing() -> None:
    plan = Plan("test", (nested(step("b", done="there")),))
    report = execute(plan, Recorder())
    assert report.outcomes["outer"].status is Status.UNCHANGED
    assert not report.changed
    assert [(each.step, each.status) for each in preview(plan)] == [
        ("outer", Status.UNCHANGED),
        ("outer/b", Status.UNCHANGED),
    ]


def test_what_fails_inside_is_what_fails() -> None:
    def fail(_: Run) -> Any:
        raise DogctlError("no", code="no")

    broken = Step("b", lambda _: "", fail)
    report = execute(Plan("test", (nested(broken), step("last", "outer"))), Recorder())
    assert str(report.error) == "no"
    assert report.outcomes["last"].status is Status.SKIPPED


def test_what_a_stop_inside_leaves_is_told() -> None:
    stop = threading.Event()

    def halt(run: Run) -> Any:
        stop.set()
        run.check()

    broken = Step("b", lambda _: "", halt, left=lambda _: "half of it")
    report = execute(Plan("test", (nested(broken),)), Recorder(), stop)
    assert report.outcomes["outer"].status is Status.CANCELLED
    assert isinstance(report.error, DogctlError)
    assert report.error.detail == ("half of it",)


def test_an_inner_plan_is_previewed_once_what_it_needs_is_known() -> None:
    plan = Plan("test", (step("a"), nested(step("b"), needs=("a",))))
    assert [each.step for each in preview(plan)] == ["a", "outer"]
    plan = Plan("test", (step("a", done=1), nested(step("b"), needs=("a",))))
    assert [each.step for each in preview(plan)] == ["a", "outer", "outer/b"]


def test_a_step_that_looks_for_long_is_run_by_a_preview_too_and_changes_nothing() -> None:
    seen = Step("see", lambda results: results.show("see"), lambda _: 7, looks=True, previewed=True)
    use = Step("use", lambda results: f"use {results['see']}", lambda _: None, needs=("see",))
    plan = Plan("look", (seen, use))
    assert [(each.change, each.status) for each in preview(plan)] == [
        ("7", Status.UNCHANGED),
        ("use 7", None),
    ]
    report = execute(Plan("look", (seen,)), Recorder())
    assert (report.changed, report.results["see"]) == (False, 7)
