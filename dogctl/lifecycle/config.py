"""`dogctl config`: every setting, its value and where that came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer, Fields, Table
from dogctl.config.checks import Check
from dogctl.config.hooks import Hook
from dogctl.config.model import DECLARATIONS, Settings
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from dogctl.config.model import Project


def show_config(project: Project) -> Answer:
    """The effective settings; a secret only as set or unset."""
    values = {key: _plain(key, getattr(project.settings, key)) for key in DECLARATIONS}
    data = {
        "project": str(project.root),
        "bundled": project.bundled,
        "environment": project.environment,
        "environments": list(project.environments),
        "settings": {
            _written(key): {"value": value, "origin": project.origins[key]}
            for key, value in values.items()
        },
    }
    rows = tuple(
        (_written(key), _text(value), project.origins[key]) for key, value in values.items()
    )
    head = (
        ("Project", str(project.root)),
        ("Environment", project.environment or "none (declared: " + _declared(project) + ")"),
    )
    return Answer(data, (Fields(head), Table(("SETTING", "VALUE", "FROM"), rows)))


def list_settings() -> Answer:
    """Every setting there is, for writing a configuration."""
    rows = tuple(
        (_written(key), declaration.env or "-", _default(key), declaration.help)
        for key, declaration in DECLARATIONS.items()
    )
    keys = ("setting", "variable", "default", "meaning")
    data = {"settings": [dict(zip(keys, row, strict=True)) for row in rows]}
    return Answer(data, (Table(("SETTING", "VARIABLE", "DEFAULT", "MEANING"), rows),))


def _declared(project: Project) -> str:
    return ", ".join(project.environments) or "none"


def _written(key: str) -> str:
    return key.replace("_", "-")


def _default(key: str) -> str:
    if DECLARATIONS[key].secret:
        return "unset"
    return _text(_plain(key, getattr(Settings(), key)))


def _plain(key: str, value: Any) -> Any:
    if DECLARATIONS[key].secret:
        return "unset" if value is None else _hidden(value)
    if isinstance(value, Mapping):
        return {name: _hidden(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [item.as_data() if isinstance(item, Check | Hook) else item for item in value]
    return value


def _hidden(value: Any) -> Any:
    """A secret as set or unset, anything else as it is."""
    if isinstance(value, Secret):
        return "set" if value.reveal() else "unset"
    return value


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case list():
            return " ".join(map(_text, value)) or "-"
        case dict():
            return " ".join(f"{key}={item}" for key, item in value.items()) or "-"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
    return str(value)
