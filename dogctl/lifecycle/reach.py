"""Where the app of a release is reached from outside its cluster, and whether it answers there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dogctl.clouds.kubernetes import NODES
from dogctl.config.model import Target
from dogctl.lifecycle.address import (
    EXTERNAL,
    INTERNAL,
    balancer_url,
    ingress_url,
    node_host,
    node_port,
    scheme,
    url,
)
from dogctl.lifecycle.manifest import Object

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.lifecycle.cluster import Cluster

SECONDS = 3.0


@dataclass(frozen=True)
class Address:
    """One way to the app: its URL, and what leads there."""

    url: str
    via: str


def addresses(
    service: Object, ingresses: Iterable[Object], nodes: Iterable[Object]
) -> Iterator[Address]:
    """All ways to a service from outside, the best first."""
    if found := ingress_url(ingresses, service["metadata"]["name"]):
        yield Address(found, "Ingress")
    if found := balancer_url(service):
        yield Address(found, "LoadBalancer")
    port, host = node_port(service), node_host(nodes, (EXTERNAL, INTERNAL))
    if port and host and service["spec"]["type"] == "NodePort":
        yield Address(url(scheme(service), host, port), "NodePort")


def known(
    cluster: Cluster, project: Project, service: Object, ingresses: Iterable[Object]
) -> list[Address]:
    """The same, asked for where the objects do not tell. Raises DogctlError."""
    target, name = project.settings.target, service["metadata"]["name"]
    # The nodes of a cluster on this machine may be out of reach, and its tool knows the way.
    own = cluster.url(name) if target in (Target.MINIKUBE, Target.KIND) else None
    is_at_nodes = own is None and service["spec"].get("type") == "NodePort"
    nodes = cluster.kubernetes.select(NODES) if is_at_nodes else []
    found = list(addresses(service, ingresses, nodes))
    return [Address(own, str(target)), *found] if own else found


def reach(address: Address, path: str) -> dict[str, Any]:
    """Whether the app answers there, and what; JSON types only."""
    import requests

    try:
        found = requests.get(
            f"{address.url}{path}", timeout=SECONDS, allow_redirects=False, stream=True
        )
    except requests.exceptions.SSLError as error:
        return _data(address, None, f"its certificate is not trusted: {_reason(error)}")
    except requests.Timeout:
        return _data(address, None, f"no answer within {SECONDS:g} s")
    except requests.RequestException as error:
        return _data(address, None, f"cannot be reached from here: {_reason(error)}")
    with found:
        return _data(address, found.status_code, f"answers {found.status_code}")


def best(found: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first address that answers, else the first."""
    known = list(found)
    return next((each for each in known if each["reachable"]), known[0] if known else None)


def _data(address: Address, status: int | None, says: str) -> dict[str, Any]:
    reachable = status is not None and status < 500
    return {
        "address": address.url,
        "via": address.via,
        "reachable": reachable,
        "status": status,
        "says": says,
    }


def _reason(error: Exception) -> str:
    """What went wrong at the bottom of it, in the system's words."""
    cause: BaseException = error
    while True:
        below = getattr(cause, "reason", None) or next(
            (a for a in cause.args if isinstance(a, BaseException)), None
        )
        if not isinstance(below, BaseException):
            return str(getattr(cause, "strerror", None) or cause).rpartition(": ")[2]
        cause = below
