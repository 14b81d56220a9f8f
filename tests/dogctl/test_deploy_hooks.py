"""Hooks around the stages of a deploy: when they run, and what is looked at for that."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from dogctl.config.hooks import Hook, Stage
from dogctl.config.load import load
from dogctl.config.model import Project
from dogctl.errors import Cancelled, DogctlError
from dogctl.execution import execute, preview
from dogctl.lifecycle.deploy.hooks import Hooks
from dogctl.plan import Plan, Report, Results, Run, Status, Step, stage
from dogctl.tools.runner import LOCAL
from tests.dogctl.test_plan import Recorder


class Work:
    """A stage that looks at something, and does it if it is not there.

    `stop` is set while it looks.
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop
        self.there = False
        self.looks = 0

    def plan(self, _: Results) -> Plan:
        def look(step: Run) -> bool:
            if self.stop:
                self.stop.set()
            step.check()
            self.looks += 1
            return self.there

        def do(_: Run) -> bool:
            self.there = True
            return True

        def says(_: Results) -> str:
            return ""

        return Plan(
            "build",
            (
                Step("seen", says, look, looks=True, previewed=True),
                Step("do", says, do, ("seen",), done=lambda found: found["seen"] or None),
            ),
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pyproject.toml").write_text('[tool.dogctl]\nname = "app"\n')
    return load(folder=tmp_path)


def hooked(project: Project, work: Work, *words: str, before: bool = False) -> Plan:
    hook = Hook(Stage.BUILD, before, words or ("sh", "-c", "echo ran >> told"))
    object.__setattr__(project.settings, "hooks", (hook,))
    hooks = Hooks(project, lambda _: {}, LOCAL, dict(os.environ))
    inner = stage(Stage.BUILD, lambda _: "", work.plan)
    return Plan("deploy", (hooks.around(inner),))


def run(plan: Plan, stop: threading.Event | None = None) -> Report:
    return execute(plan, Recorder(), stop)


def told(project: Project) -> int:
    path = project.root / "told"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize("before", [True, False])
def test_they_run_when_there_is_something_to_do(project: Project, before: bool) -> None:
    work = Work()
    first, *_ = preview(hooked(project, work, before=before))
    assert first.status is None
    assert told(project) == 0
    work.looks = 0
    assert run(hooked(project, work, before=before)).error is None
    assert (work.there, told(project)) == (True, 1)
    # What a hook before it may have changed is looked at again, and nothing else.
    assert work.looks == (2 if before else 1)
    work.looks = 0
    again = run(hooked(project, work, before=before))
    assert (again.changed, told(project), work.looks) == (False, 1, 1)


def test_one_that_was_owed_is_made_up_for(project: Project) -> None:
    work = Work()
    assert run(hooked(project, work, "false")).error is not None
    assert run(hooked(project, work)).error is None
    assert told(project) == 1


def test_one_that_cannot_be_started_is_told_with_its_setting(project: Project) -> None:
    error: Any = run(hooked(project, Work(), "./nowhere.sh")).error
    assert isinstance(error, DogctlError)
    assert error.where == "hooks: after build"
    assert "setting hooks" in (error.hint or "")


def test_a_request_to_stop_reaches_what_looks(project: Project) -> None:
    stop = threading.Event()
    work = Work(stop)
    report = run(hooked(project, work), stop)
    assert isinstance(report.error, Cancelled)
    assert report.outcomes["build"].status is Status.CANCELLED
    assert work.looks == 0
