"""What is told of a plan that did not come to its end."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from dogctl.answer import Answer
from dogctl.cli import session as sessions
from dogctl.cli.session import Session
from dogctl.errors import Cancelled, DogctlError
from dogctl.output.channel import Channel
from dogctl.plan import Plan, Run, Step

Work = Callable[[Run], Any]


def together(first: Work, second: Work) -> Plan:
    """Two steps at the same time; neither ends before the other has begun."""
    met = threading.Barrier(2)

    def step(name: str, work: Work) -> Step:
        def run(step: Run) -> Any:
            met.wait(10)
            return work(step)

        return Step(name, lambda _: "", run, left=lambda _: f"{name} is half done")

    return Plan("test", (step("one", first), step("two", second)))


def failure(plan: Plan) -> DogctlError:
    session = Session(Channel(("deploy",), stdout=io.StringIO(), stderr=io.StringIO()))
    with pytest.raises(DogctlError) as raised:
        session.perform(plan, lambda _: Answer({}))
    return raised.value


def test_what_failed_at_the_same_time_is_told_too() -> None:
    def fail(says: str) -> Work:
        def work(_: Run) -> None:
            raise DogctlError(says, code=says, detail=(f"why {says}",))

        return work

    error = failure(together(fail("broken"), fail("torn")))
    assert error.code == "broken"
    assert error.detail == ("why broken", "two failed too: torn", "why torn")


def test_all_that_a_stop_leaves_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()

    def stopped(step: Run) -> None:
        stop.set()
        step.sleep(10)

    class Signals:
        def __enter__(self) -> threading.Event:
            return stop

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(sessions, "stop_on_signals", Signals)
    error = failure(together(stopped, stopped))
    assert isinstance(error, Cancelled)
    assert error.detail == ("one is half done", "two is half done")


def test_what_comes_after_a_look_is_not_done_once_the_user_has_asked_to_stop() -> None:
    def asked(_: Run) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return True

    session = Session(Channel(("cleanup",), stdout=io.StringIO(), stderr=io.StringIO()))
    with pytest.raises(Cancelled):
        session.look(Plan("test", (Step("look", lambda _: "", asked, looks=True),)))
