"""`dogctl up`: the app on this machine, from nothing to a page that answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dogctl import own_version
from dogctl.answer import Answer, Fields, Text
from dogctl.errors import ToolError
from dogctl.lifecycle.engine import LocalEngine, Ready, State
from dogctl.lifecycle.engines import Choice
from dogctl.lifecycle.version import NO_GIT, project_version
from dogctl.plan import Plan, Results, Step
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


def plan_up(project: Project, choice: Choice, runner: Runner = LOCAL) -> Plan:
    """The app by the chosen engine, in place of one that another engine runs."""
    version = own_version() if project.bundled else _local_version(project, runner)
    ended = [step for each in choice.others for step in _end(each)]
    return Plan("up", (*ended, *(_after(ended, step) for step in choice.engine.up(version))))


def _end(other: LocalEngine) -> tuple[Step, ...]:
    """Two engines cannot serve on one port."""
    if other.look().state in (State.DOWN, State.UNKNOWN):
        return ()
    return other.down(volumes=False)


def _after(ended: Sequence[Step], step: Step) -> Step:
    """The first step waits for the port that the other engine gives up."""
    return step if step.needs else replace(step, needs=tuple(each.name for each in ended))


def _local_version(project: Project, runner: Runner) -> str:
    # What an app writes into its own folder must not make it another version, and a repository
    # that git cannot read (or no git) must not keep anybody from looking at a page.
    try:
        return project_version(project.root, runner, untracked=False)
    except ToolError:
        return NO_GIT


def answer_up(project: Project, choice: Choice, results: Results) -> Answer:
    """Where the app is and how to go on."""
    ready: Ready = results["health"]
    local = ready.local
    name = project.settings.name
    headline = f"{name} is up" if ready.fresh else f"{name} is already up: nothing to do"
    if project.bundled:
        headline += " (no project here: this is the app that comes with dogctl)"
    engine = f"{local.engine} ({choice.reason})" if choice.reason else str(local.engine)
    return Answer(
        {
            "name": name,
            "bundled": project.bundled,
            "engine": local.engine,
            "reason": choice.reason,
            "url": local.url,
            "database": local.database,
            "pid": local.pid,
        },
        (
            Text(headline),
            Fields(
                (
                    ("URL", local.url or "-"),
                    ("Database", local.database or "-"),
                    ("Engine", engine),
                    ("Logs", "dogctl logs -f"),
                    ("Stop", "dogctl down"),
                )
            ),
        ),
    )
