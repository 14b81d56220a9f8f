"""`dogctl down`: end the app on this machine, with `--volumes` its data too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dogctl.answer import Answer, Text
from dogctl.lifecycle.engine import Stopped
from dogctl.lifecycle.engines import present
from dogctl.plan import Plan, Results
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


def plan_down(project: Project, *, volumes: bool, runner: Runner = LOCAL) -> Plan:
    """End whatever runs, by every engine; with `volumes` delete the data, which asks first."""
    engines = present(project, runner)
    steps = tuple(step for each in engines for step in each.down(volumes=volumes))
    lost = [data for each in engines if volumes and (data := each.data())]
    return Plan("down", steps, f"This deletes {' and '.join(lost)}." if lost else None)


def answer_down(project: Project, plan: Plan, results: Results) -> Answer:
    stopped: list[Stopped] = [results[step.name] for step in plan.steps]
    count = sum(each.count for each in stopped)
    deleted = any(each.deleted for each in stopped)
    name = project.settings.name
    text = f"{name} is down" if count else f"{name} was not running"
    if deleted:
        text += "; its data is deleted"
    return Answer({"name": name, "stopped": count, "deleted": deleted}, (Text(text),))
