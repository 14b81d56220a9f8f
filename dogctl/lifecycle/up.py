"""`dogctl up`: the app on this machine, from nothing to a page that answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dogctl import own_version
from dogctl.answer import Answer, Fields, Text
from dogctl.config.model import DEFAULT
from dogctl.errors import ToolError
from dogctl.lifecycle import process_engine
from dogctl.lifecycle.local import Paths, running
from dogctl.lifecycle.version import NO_GIT, project_version
from dogctl.plan import Plan, Results
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


def plan_up(
    project: Project, runner: Runner = LOCAL, environ: Mapping[str, str] = os.environ
) -> Plan:
    """The app as a background process with SQLite, or the database that the settings name."""
    project = _keep_port(project)
    version = own_version() if project.bundled else _local_version(project, runner)
    return Plan(
        "up",
        (
            process_engine.start(project, version, runner, environ),
            process_engine.wait_until_healthy(project),
        ),
    )


def _local_version(project: Project, runner: Runner) -> str:
    # What an app writes into its own folder must not make it another version, and a repository
    # that git cannot read (or no git) must not keep anybody from looking at a page.
    try:
        return project_version(project.root, runner, untracked=False)
    except ToolError:
        return NO_GIT


def _keep_port(project: Project) -> Project:
    """Where nobody asks for a port, an app that runs keeps the one it was started with."""
    record = running(project)
    if record is None or project.origins["port"] != DEFAULT:
        return project
    return replace(project, settings=replace(project.settings, port=record.port))


def answer_up(project: Project, results: Results) -> Answer:
    """Where the app is and how to go on."""
    started: process_engine.Started = results["start"]
    record = started.record
    name = project.settings.name
    headline = f"{name} is up" if started.process else f"{name} is already up: nothing to do"
    if project.bundled:
        headline += " (no project here: this is the app that comes with dogctl)"
    return Answer(
        {
            "name": name,
            "bundled": project.bundled,
            "engine": project.settings.engine,
            "url": record.url,
            "database": record.database,
            "pid": record.pid,
            "log": str(Paths(project.state).log),
        },
        (
            Text(headline),
            Fields(
                (
                    ("URL", record.url),
                    ("Database", record.database),
                    ("Logs", "dogctl logs -f"),
                    ("Stop", "dogctl down"),
                )
            ),
        ),
    )
