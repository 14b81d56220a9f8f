"""`dogctl status`: what runs, as the live system says."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Block, Fields, Table, Text
from dogctl.lifecycle.engine import Local, State
from dogctl.lifecycle.engines import current

if TYPE_CHECKING:
    from dogctl.config.model import Project


def status(project: Project) -> Answer:
    """The app on this machine: its state, address, database, age and services."""
    local = current(project).look()
    name = project.settings.name
    data = {"name": name, "bundled": project.bundled, "local": asdict(local)}
    if local.state is State.DOWN:
        return Answer(data, (Text(f"{name} is not running here; dogctl up starts it"),))
    if local.state is State.UNKNOWN:
        return Answer(data, (Text(f"{name} was started here, and may run: {local.health}"),))
    return Answer(data, (Text(f"{name} is {local.state} here"), *_blocks(local)))


def _blocks(local: Local) -> tuple[Block, ...]:
    rows = (
        ("URL", local.url),
        ("Database", local.database),
        ("Engine", local.engine),
        ("PID", local.pid),
        ("Since", local.since),
        ("Health", local.health),
    )
    fields = Fields(tuple((title, str(value)) for title, value in rows if value is not None))
    if not local.services:
        return (fields,)
    services = tuple(
        (each.name, each.image, each.state, each.health or "-") for each in local.services
    )
    return (fields, Text(""), Table(("SERVICE", "IMAGE", "STATE", "HEALTH"), services))
