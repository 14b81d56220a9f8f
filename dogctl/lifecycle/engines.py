"""Which engine a command is about: the one asked for, the one that runs, the first that can."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dogctl.config.model import Engine
from dogctl.errors import ConfigError, ToolError
from dogctl.lifecycle.compose_engine import ComposeEngine, find_file
from dogctl.lifecycle.engine import LocalEngine
from dogctl.lifecycle.process_engine import ProcessEngine
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class Choice:
    """The engine for `up`, the other ones, and why it is not the compose stack."""

    engine: LocalEngine
    others: tuple[LocalEngine, ...]
    reason: str | None = None


def engines(
    project: Project, runner: Runner = LOCAL, environ: Mapping[str, str] = os.environ
) -> tuple[ProcessEngine, ComposeEngine | None]:
    """All engines that can run the project; there is no stack without a compose file."""
    file = find_file(project)
    return (
        ProcessEngine(project, runner, environ),
        ComposeEngine(project, file, runner, environ) if file else None,
    )


def choose(
    project: Project, runner: Runner = LOCAL, environ: Mapping[str, str] = os.environ
) -> Choice:
    """The engine that `up` takes: the one asked for, else the one that runs, else the first that can.

    Raises ConfigError if the one asked for does not fit the project, ToolError if it is not here.
    """
    process, compose = engines(project, runner, environ)
    stacks = (compose,) if compose else ()
    wanted = project.settings.engine
    own_database = project.settings.database_url or project.settings.db_host
    if wanted is Engine.COMPOSE:
        if compose is None:
            raise _no_file(project)
        if own_database:
            raise _own_database(project)
    elif wanted is Engine.PROCESS or compose is None or process.runs():
        return Choice(process, stacks)
    elif own_database:
        return Choice(process, stacks, "the settings name a database of their own")
    try:
        compose.require()
    except ToolError as error:
        # Another database in place of the one of a stack that was started would look like a loss.
        if wanted is Engine.COMPOSE or compose.runs():
            error.hint = f"{error.hint}; dogctl up --engine process needs no Docker"
            raise
        return Choice(process, stacks, error.message)
    return Choice(compose, (process,))


def present(
    project: Project, runner: Runner = LOCAL, environ: Mapping[str, str] = os.environ
) -> list[LocalEngine]:
    """The engines that commands about a running app look at: the one asked for, or all."""
    process, compose = engines(project, runner, environ)
    if project.settings.engine is Engine.COMPOSE and compose is None:
        raise _no_file(project)
    found: list[LocalEngine] = [process, *([compose] if compose else [])]
    wanted = project.settings.engine
    return [each for each in found if wanted in (Engine.AUTO, each.kind)]


def current(
    project: Project, runner: Runner = LOCAL, environ: Mapping[str, str] = os.environ
) -> LocalEngine:
    """The engine that runs the app; else the one that was used last here.

    Raises as `present` does.
    """
    found = present(project, runner, environ)
    return next((each for each in found if each.runs()), max(found, key=lambda each: each.used()))


def _no_file(project: Project) -> ConfigError:
    return ConfigError(
        f"there is no compose file in {project.root}",
        code="no-compose-file",
        where=project.origins["engine"],
        hint="add a compose.yaml, name another file by the setting compose-file, or"
        " dogctl up --engine process",
    )


def _own_database(project: Project) -> ConfigError:
    key = "database_url" if project.settings.database_url else "db_host"
    return ConfigError(
        "the compose stack brings a database of its own, and the settings name another",
        code="two-databases",
        where=project.origins[key],
        hint="unset that, or dogctl up --engine process to use it",
    )
