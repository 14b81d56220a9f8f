"""`dogctl gifs`: the pictures of the app, by the app's own admin command, where the app runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer, Table, Text
from dogctl.errors import ConfigError, DogctlError, ExitCode, ToolError
from dogctl.lifecycle.engines import current
from dogctl.plan import Plan, Results, Run, Step
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

TIMEOUT = 120.0
COLUMNS = ("id", "name", "type", "width", "height", "size")
FROM_STDIN = "-"
# A URL may hold a token, and an argv is seen by every user of the machine.
URL_ON_STDIN = "@-"


def plan_add(
    project: Project, source: str, name: str | None = None, runner: Runner = LOCAL
) -> Plan:
    """Store a picture from a file or a URL.

    Its step raises ConfigError if the app refuses the picture, ToolError if the admin command
    fails. Raises ConfigError if the file cannot be read.
    """
    is_url = "://" in source
    content = source.encode() if is_url else _read(Path(source))
    origin = URL_ON_STDIN if is_url else FROM_STDIN
    named = name or (None if is_url else Path(source).stem)
    words = ["add", *([f"--name={named}"] if named else []), origin]

    def run(_: Run) -> dict[str, Any]:
        return _admin(project, runner, words, content)

    change = f"add {source} to {project.settings.name}"
    return Plan("gifs add", (Step("add", lambda _: change, run),))


def answer_add(results: Results) -> Answer:
    data = results["add"]
    picture = data.get("picture", {})
    return Answer(data, (Text(f"Added {picture.get('name')} as {picture.get('id')}"),))


def plan_remove(project: Project, picture: str, runner: Runner = LOCAL) -> Plan:
    """Take a picture away by its id; asks first. Its step raises ConfigError if there is none."""

    def run(_: Run) -> dict[str, Any]:
        return _admin(project, runner, ["remove", "--", picture])

    change = f"remove picture {picture} from {project.settings.name}"
    warning = f"This removes picture {picture} from the database of {project.settings.name}."
    return Plan("gifs remove", (Step("remove", lambda _: change, run),), warning)


def answer_remove(picture: str, results: Results) -> Answer:
    return Answer(results["remove"], (Text(f"Removed {picture}"),))


def list_all(project: Project, runner: Runner = LOCAL) -> Answer:
    """Every picture of the app's collection."""
    data = _admin(project, runner, ["list"])
    rows = tuple(
        tuple(str(picture.get(key, "-")) for key in COLUMNS) for picture in data.get("pictures", [])
    )
    return Answer(data, (Table(tuple(map(str.upper, COLUMNS)), rows),))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read it: {error.strerror}",
            code="unreadable-file",
            where=str(path),
            hint="name a picture file, or a URL that begins with https://",
        ) from error


def _admin(
    project: Project, runner: Runner, arguments: Sequence[str], stdin: bytes = b""
) -> dict[str, Any]:
    admin = project.settings.admin
    if admin is None:
        raise ConfigError(
            f"{project.settings.name} declares no admin command",
            code="no-admin-command",
            where="pyproject.toml:tool.dogctl.admin",
            hint='set it, for example admin = ["{python}", "-m", "myapp.admin"]',
        )
    done = current(project, runner).admin([*admin, "gifs", *arguments], stdin, TIMEOUT)
    answer = _object(done.stdout)
    if answer is None:
        raise ToolError(
            f"the app's admin command answered no JSON (exit code {done.code})",
            code="admin-failed",
            where=" ".join(admin),
            hint="dogctl logs may tell more; the setting admin names the command",
            # What cannot be started in a container is told on stdout.
            detail=tuple((done.stderr or done.stdout.decode(errors="replace")).splitlines()[-10:]),
        )
    if done.code != 0:
        raise _refusal(answer.get("error", {}), done.code)
    return answer


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _refusal(error: Mapping[str, str], code: int) -> DogctlError:
    kind = ConfigError if code == ExitCode.USAGE else ToolError
    return kind(
        error.get("message", "the admin command failed"),
        code=error.get("code", "admin-failed"),
        hint=error.get("hint"),
    )
