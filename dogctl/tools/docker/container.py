"""Containers, as the engine describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker.models.containers import Container as SdkContainer

# Set by Compose: https://docs.docker.com/compose/how-tos/project-name/
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
# What the engine gives for a time that has not come.
NEVER = "0001-"


@dataclass(frozen=True)
class Container:
    """A container as the engine sees it.

    Args:
        id: its full id.
        service: the compose service it belongs to, or "".
        state: created, running, restarting, exited ...
        exit_code: of its last end; 0 while it has not ended.
        restarts: how often the engine has started it again.
        health: starting, healthy, unhealthy, or None without a health check.
        probe: what the health check said last.
        image: the id of its image.
        image_name: as the configuration names it.
        started: ISO 8601; None if it never was.
        ports: ports on this machine, by port of the container.
        user: whom it runs as, as configured; "" for the engine's default, which is root.
        read_only: whether its root file system is.
    """

    id: str
    service: str
    state: str
    exit_code: int
    restarts: int
    health: str | None
    probe: str
    image: str
    image_name: str
    started: str | None
    ports: Mapping[int, int]
    user: str
    read_only: bool
    labels: Mapping[str, str] = field(repr=False)

    @property
    def works(self) -> bool:
        """Whether it does what it is for: serves in health, or has done its one task."""
        if self.state == "running":
            return self.health in (None, "healthy")
        return self.state == "exited" and self.exit_code == 0


def read_container(found: SdkContainer) -> Container:
    """What the SDK has of a container."""
    attributes: dict[str, Any] = found.attrs
    state = attributes["State"]
    health = state.get("Health") or {}
    probes = health.get("Log") or []
    return Container(
        id=found.id or "",
        service=found.labels.get(SERVICE, ""),
        state=state["Status"],
        exit_code=state["ExitCode"],
        restarts=attributes.get("RestartCount", 0),
        # The check of a container that has ended says nothing.
        health=health.get("Status") if state["Status"] == "running" else None,
        probe=" ".join(probes[-1]["Output"].split()) if probes else "",
        image=attributes["Image"],
        image_name=attributes["Config"]["Image"],
        started=None if state["StartedAt"].startswith(NEVER) else state["StartedAt"],
        ports=_ports(attributes["NetworkSettings"].get("Ports") or {}),
        user=attributes["Config"].get("User") or "",
        read_only=attributes["HostConfig"]["ReadonlyRootfs"],
        labels=found.labels,
    )


def _ports(published: Mapping[str, list[Mapping[str, str]] | None]) -> Mapping[int, int]:
    return {
        int(inside.partition("/")[0]): int(outside[0]["HostPort"])
        for inside, outside in published.items()
        if outside and inside.endswith("/tcp")
    }
