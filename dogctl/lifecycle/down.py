"""`dogctl down`: end the local stack, with `--volumes` its data too."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Text
from dogctl.lifecycle.local import Paths, is_locked, locked, read_record
from dogctl.plan import Plan, Results, Run, Step
from dogctl.tools.processes import members, stop

if TYPE_CHECKING:
    from dogctl.config.model import Project


def plan_down(project: Project, *, volumes: bool) -> Plan:
    """Stop the app; with `volumes` delete its data, which asks first if there is any."""
    paths = Paths(project.state)
    paths.require_own()
    steps = (_stop(project, paths), _delete_data(paths)) if volumes else (_stop(project, paths),)
    loss = volumes and paths.data.is_dir() and any(paths.data.iterdir())
    warning = f"This deletes the local database and all in {paths.data}." if loss else None
    return Plan("down", steps, warning)


def answer_down(project: Project, results: Results) -> Answer:
    stopped: int = results["stop"]
    deleted = "data" in results and results["data"]
    name = project.settings.name
    text = f"{name} is down" if stopped else f"{name} was not running"
    if deleted:
        text += "; its data is deleted"
    return Answer({"name": name, "stopped": stopped, "deleted": bool(deleted)}, (Text(text),))


def _stop(project: Project, paths: Paths) -> Step:
    name = project.settings.name

    def done(_: Results) -> int | None:
        return None if paths.record.exists() or is_locked(paths) else 0

    def run(step: Run) -> int:
        with locked(paths, step.sleep):
            record = read_record(paths)
            count = 0
            if record is not None and members(record.process):
                step.progress(f"waiting for {name} (PID {record.pid}) to finish its requests")
                count = stop(record.process, project.settings.stop_timeout, step.sleep)
            paths.record.unlink(missing_ok=True)
            return count

    return Step("stop", lambda _: f"stop {name}", run, done=done)


def _delete_data(paths: Paths) -> Step:
    def done(_: Results) -> bool | None:
        return None if paths.data.exists() else False

    def run(step: Run) -> bool:
        with locked(paths, step.sleep):
            paths.require_own()
            shutil.rmtree(paths.data)
        return True

    return Step("data", lambda _: f"delete {paths.data}", run, needs=("stop",), done=done)
