"""What the commands of infrastructure answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dogctl.answer import Answer, Block, Changes, Fields, Text
from dogctl.errors import ConfigError, ExitCode
from dogctl.lifecycle.infra.planned import Outputs, Planned
from dogctl.secrets import MASK, Secret


def answer_plan(environment: str, planned: Planned, file: Path, *, detailed: bool) -> Answer:
    """What would change, and how that is applied."""
    data = {"environment": environment, **planned.data(), "plan": str(file)}
    says = Text(f"{environment}: {planned}")
    if not planned.has_changes:
        return Answer(data, (*changes_of(planned), says))
    blocks: tuple[Block, ...] = (
        *changes_of(planned),
        says,
        Fields((("Apply", f"dogctl infra apply {file}"),)),
    )
    return Answer(data, blocks, ExitCode.CHANGES if detailed else ExitCode.DONE)


def changes_of(planned: Planned) -> tuple[Changes, ...]:
    """What would change, to look at."""
    lines = tuple(planned.lines())
    return (Changes(lines),) if lines else ()


def answer_apply(environment: str, planned: Planned, outputs: Outputs) -> Answer:
    """What has changed, and the outputs."""
    still = "" if planned.has_changes else ": nothing to do"
    done = f"{environment} is as it is described{still}"
    data = {"environment": environment, **planned.data(), "outputs": shown(outputs)}
    return Answer(data, (Text(done), *_fields(outputs)))


def answer_output(environment: str, outputs: Outputs, name: str | None) -> Answer:
    """All outputs, or one as it is, without any words around it. Raises ConfigError."""
    values = shown(outputs)
    if name is None:
        data = {"environment": environment, "outputs": values}
        return Answer(data, _fields(outputs) or (Text(f"{environment} has no outputs"),))
    if name not in values:
        raise ConfigError(
            f"there is no output {name} (known: {', '.join(sorted(values)) or 'none'})",
            code="no-output",
            where="NAME",
            hint="dogctl infra output shows all; dogctl infra apply brings new ones",
        )
    data = {"environment": environment, "name": name, "value": values[name]}
    return Answer(data, (Text(_text(values[name])),))


def shown(outputs: Outputs) -> dict[str, Any]:
    """The outputs by name, with the sensitive ones masked."""
    return {**outputs.values, **dict.fromkeys(outputs.secrets, MASK)}


def _fields(outputs: Outputs) -> tuple[Fields, ...]:
    rows: Mapping[str, Any] = {**outputs.values, **outputs.secrets}
    given = {name: value for name, value in sorted(rows.items()) if value is not None}
    texts = tuple((name, _text(value)) for name, value in given.items())
    return (Fields(texts),) if texts else ()


def _text(value: Any) -> str:
    if isinstance(value, str | Secret):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
