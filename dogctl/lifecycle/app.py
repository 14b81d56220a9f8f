"""The project's app: the commands that run it and the environment it gets."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dogctl.config.model import DECLARATIONS
from dogctl.lifecycle.local import Paths
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from dogctl.config.model import Project


def fill(command: Sequence[str], project: Project) -> list[str]:
    """A configured command with {python} and {port} filled in."""
    return fill_in(command, _python(project), project.settings.port)


def fill_in(command: Sequence[str], python: str, port: int | None) -> list[str]:
    """A configured command with these values."""
    values = {"{python}": python, "{port}": str(port or "")}
    return [_replace(word, values) for word in command]


def app_variables(project: Project) -> dict[str, str]:
    """What the app is told through its environment; holds secrets."""
    settings = project.settings
    values = _declared_variables(project)
    if not (settings.database_url or settings.db_host):
        values["DATABASE_URL"] = f"sqlite:///{_sqlite_file(project)}"
    return values


def compose_variables(project: Project, stack: str, version: str) -> dict[str, str]:
    """What a compose file may use of what dogctl knows; holds secrets.

    https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
    """
    return {
        **_declared_variables(project),
        "COMPOSE_PROJECT_NAME": stack,
        "APP_IMAGE": f"{stack}:local",
        "APP_VERSION": version,
    }


def _declared_variables(project: Project) -> dict[str, str]:
    settings = project.settings
    values = {name: _reveal(value) for name, value in settings.variables.items()}
    for name, declaration in DECLARATIONS.items():
        value = getattr(settings, name)
        if declaration.app and declaration.env and value is not None:
            values[declaration.env] = _reveal(value)
    return values


def fingerprint(argv: Sequence[str], variables: Mapping[str, str]) -> str:
    """Of what an app was started with: where it differs, the running app is not the wanted one."""
    return hashlib.sha256(repr((list(argv), sorted(variables.items()))).encode()).hexdigest()[:16]


def describe_database(project: Project) -> str:
    """The database for people: without user and password."""
    settings = project.settings
    if settings.database_url:
        url = urlsplit(settings.database_url.reveal())
        port = f":{url.port}" if url.port else ""
        return f"{url.scheme}://{url.hostname or ''}{port}{url.path}"
    if settings.db_host:
        return f"{settings.db_engine or 'mysql'}://{settings.db_host}/{settings.db_name or ''}"
    return f"SQLite in {_sqlite_file(project)}"


def _reveal(value: object) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def _sqlite_file(project: Project) -> Path:
    return Paths(project.state).data / "app.db"


def _python(project: Project) -> str:
    own = project.root / ".venv" / "bin" / "python"
    return str(own) if own.exists() and not project.bundled else sys.executable


def _replace(word: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word
