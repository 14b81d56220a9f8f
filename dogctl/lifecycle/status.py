"""`dogctl status`: what runs, as the live system says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer, Fields, Text
from dogctl.lifecycle.local import Health, State, check_health, running
from dogctl.tools.processes import is_running

if TYPE_CHECKING:
    from dogctl.config.model import Project


def status(project: Project) -> Answer:
    """The local stack: its state, address, database and age."""
    local = _local(project)
    name = project.settings.name
    rows = tuple(
        (title, str(local[key]))
        for title, key in (
            ("URL", "url"),
            ("Database", "database"),
            ("PID", "pid"),
            ("Since", "since"),
            ("Health", "health"),
        )
        if local[key] is not None
    )
    headline = f"{name} is {local['state']} here"
    if local["state"] is State.DOWN:
        headline = f"{name} is not running here; dogctl up starts it"
    data = {"name": name, "bundled": project.bundled, "local": local}
    return Answer(data, (Text(headline), Fields(rows)) if rows else (Text(headline),))


def _local(project: Project) -> dict[str, Any]:
    record = running(project)
    if record is None:
        keys = ("url", "database", "pid", "since", "health")
        return {"state": State.DOWN, **dict.fromkeys(keys)}
    health = check_health(record.url + project.settings.health)
    if not is_running(record.process):
        health = Health(False, "its main process has died, others of it are left")
    return {
        "state": State.UP if health.ok else State.UNHEALTHY,
        "url": record.url,
        "database": record.database,
        "pid": record.pid,
        "since": record.since,
        "health": health.reason,
    }
