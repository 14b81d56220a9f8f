"""What the containers of a stack say: whether it is up, what it waits for, what has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dogctl.config.model import Engine
from dogctl.lifecycle.engine import Local, Service, State
from dogctl.lifecycle.health import HOST, Health, check_health
from dogctl.tools.docker import Container

if TYPE_CHECKING:
    from dogctl.config.model import Project

# One restart may be bad luck; a container that keeps ending does not come up by waiting.
RESTARTS = 2
PROBE_SHOWN = 100
# On the app's container: the port that it was asked to be published at.
PORT = "dogctl.port"


def describe(project: Project, containers: Sequence[Container]) -> Local:
    """A stack for people and programs; asks the app's health path if all containers work."""
    if not containers:
        return Local(Engine.COMPOSE, State.DOWN)
    settings = project.settings
    by_service = {each.service: each for each in containers}
    app = by_service.get(settings.service)
    database = by_service.get(settings.database_service)
    port = published_port(app) if app else None
    url = f"http://{HOST}:{port}" if port else None
    health = _health(containers, url and url + settings.health)
    return Local(
        engine=Engine.COMPOSE,
        state=State.UP if health.ok else State.UNHEALTHY,
        url=url,
        database=f"{database.image_name} in the stack" if database else None,
        since=app.started if app else None,
        health=health.reason,
        services=tuple(
            Service(each.service, each.image_name, each.state, each.health) for each in containers
        ),
    )


def published_port(app: Container) -> int | None:
    """The app's port on this machine. It may publish others, or heed nobody's wish."""
    ports = list(app.ports.values())
    wanted = [port for port in ports if str(port) == app.labels.get(PORT)]
    return next(iter(wanted or ports), None)


def _health(containers: Sequence[Container], url: str | None) -> Health:
    if any(not each.works for each in containers):
        return Health(False, progress(containers))
    return check_health(url) if url else Health(False, "the app publishes no port")


def progress(containers: Sequence[Container]) -> str:
    """What is not ready yet, in words; nothing if all is."""
    waiting = [f"{each.service} {_state(each)}" for each in containers if not each.works]
    return ", ".join(waiting)


def _state(container: Container) -> str:
    if container.state == "running":
        said = f": {container.probe.splitlines()[-1][:PROBE_SHOWN]}" if container.probe else ""
        return (container.health or container.state) + said
    return f"{container.state} ({container.exit_code})" if container.exit_code else container.state


def doomed(containers: Sequence[Container], before: Mapping[str, Container]) -> list[Container]:
    """Those for which waiting is in vain, as far as what has happened since `before` tells."""
    return [each for each in containers if _has_failed(each) and _has_changed(each, before)]


def _has_failed(container: Container) -> bool:
    ended = container.state == "exited" and container.exit_code != 0
    loops = container.state in ("running", "restarting") and container.restarts >= RESTARTS
    return ended or loops or container.health == "unhealthy"


def describe_end(container: Container) -> str:
    """Why a container does not do what it is for, in words."""
    name = f"the service {container.service}"
    if container.health == "unhealthy" and container.restarts < RESTARTS:
        return f"{name} is unhealthy: {container.probe or 'its check says nothing'}"
    ends = container.restarts + (container.state != "running")
    if container.state == "running" and not container.exit_code:  # the engine has forgotten it
        return f"{name} has ended {'once' if ends == 1 else f'{ends} times'}"
    return f"{name} ended with {container.exit_code}" + (f", {ends} times" if ends > 1 else "")


def _has_changed(container: Container, before: Mapping[str, Container]) -> bool:
    old = before.get(container.id)
    return not old or (old.started, old.restarts) != (container.started, container.restarts)


def started(containers: Sequence[Container], before: Mapping[str, Container]) -> list[Container]:
    """Without those that ran before: Compose may be about to replace them."""
    old = {each.id for each in before.values() if each.state in ("running", "restarting")}
    return [each for each in containers if each.id not in old]


def by_id(containers: Sequence[Container]) -> Mapping[str, Container]:
    """As a snapshot to compare with later."""
    return {each.id: each for each in containers}
