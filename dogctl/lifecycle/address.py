"""Where a service answers for those outside of its cluster, read off its objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]

PORTS = {"http": 80, "https": 443}
EXTERNAL, INTERNAL = "ExternalIP", "InternalIP"


def ingress_url(ingresses: Iterable[Object], service: str) -> str | None:
    """The host of the first Ingress that leads to the service; without one, its own address."""
    for ingress in ingresses:
        for rule in ingress["spec"].get("rules") or ():
            paths = [
                path for path in (rule.get("http") or {}).get("paths", ()) if _is(path, service)
            ]
            secure = {host for tls in ingress["spec"].get("tls") or () for host in tls["hosts"]}
            host = rule.get("host") or _balanced(ingress)
            if paths and host:
                scheme = "https" if host in secure else "http"
                return f"{scheme}://{host}{paths[0].get('path') or '/'}".rstrip("/*")
    return None


def balancer_url(service: Object) -> str | None:
    """The address that a load balancer has given to the service."""
    host = _balanced(service)
    return url(scheme(service), host, first_port(service)["port"]) if host else None


def node_port(service: Object) -> int | None:
    """The port at which every node answers for the service."""
    return first_port(service).get("nodePort")


def node_host(nodes: Iterable[Object], kinds: Sequence[str]) -> str | None:
    """The address of a node, of the first kind that any of them has."""
    known = [each for node in nodes for each in node["status"].get("addresses") or ()]
    found = (each["address"] for kind in kinds for each in known if each["type"] == kind)
    return next(found, None)


def first_port(service: Object) -> Mapping[str, Any]:
    """The port that people use: the one called http or https, or the first."""
    ports = service["spec"].get("ports") or [{}]
    return next((port for port in ports if port.get("name") in PORTS), ports[0])


def http_port(service: Object) -> str:
    """The port at which it is asked from inside the cluster, without TLS if it can be."""
    ports = service["spec"].get("ports") or ()
    named = (port for port in ports if port.get("name") in ("http", "web"))
    return str((next(named, None) or first_port(service))["port"])


def scheme(service: Object) -> str:
    """`https` for a port of that number or name."""
    port = first_port(service)
    return "https" if port.get("name") == "https" or port.get("port") == PORTS["https"] else "http"


def url(scheme: str, host: str, port: int) -> str:
    """Without a port that goes without saying."""
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + ("" if port == PORTS[scheme] else f":{port}")


def _is(path: Object, service: str) -> bool:
    backend = path["backend"].get("service") or {}
    return bool(backend.get("name") == service)


def _balanced(thing: Object) -> str | None:
    """The address in the status of a service or an Ingress."""
    given = thing.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
    found: str | None = given[0].get("hostname") or given[0].get("ip")
    return found
