"""Where a service answers, read off its objects."""

from __future__ import annotations

from typing import Any

import pytest

from dogctl.lifecycle import address


def service(*ports: dict[str, Any], **ingress: str) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [ingress]} if ingress else {}}
    return {"spec": {"ports": list(ports)}, "status": status}


def ingress(
    host: str | None, *, to: str = "dog", path: str = "/", tls: bool = False, ip: str = ""
) -> dict[str, Any]:
    paths = [{"path": path, "backend": {"service": {"name": to}}}]
    rule = {"http": {"paths": paths}} | ({"host": host} if host else {})
    return {
        "spec": {"rules": [rule], "tls": [{"hosts": [host], "secretName": "tls"}] if tls else []},
        "status": {"loadBalancer": {"ingress": [{"ip": ip}]} if ip else {}},
    }


@pytest.mark.parametrize(
    ("found", "url"),
    [
        ([ingress("dog.example")], "http://dog.example"),
        ([ingress("dog.example", tls=True)], "https://dog.example"),
        ([ingress("dog.example", path="/app/*")], "http://dog.example/app"),
        ([ingress("cat.example", to="cat"), ingress("dog.example")], "http://dog.example"),
        ([ingress(None, ip="203.0.113.1")], "http://203.0.113.1"),
        ([ingress(None)], None),
        ([{"spec": {"defaultBackend": {"service": {"name": "dog"}}}}], None),
        ([], None),
    ],
)
def test_an_ingress(found: list[dict[str, Any]], url: str | None) -> None:
    assert address.ingress_url(found, "dog") == url


@pytest.mark.parametrize(
    ("found", "url"),
    [
        (service({"port": 80}, ip="203.0.113.1"), "http://203.0.113.1"),
        (service({"port": 5000}, hostname="lb.example"), "http://lb.example:5000"),
        (service({"port": 443}, ip="203.0.113.1"), "https://203.0.113.1"),
        (service({"port": 8443, "name": "https"}, ip="2001:db8::1"), "https://[2001:db8::1]:8443"),
        (
            service({"port": 9, "name": "metrics"}, {"port": 80, "name": "http"}, ip="::1"),
            "http://[::1]",
        ),
        (service({"port": 80}), None),
    ],
)
def test_a_load_balancer(found: dict[str, Any], url: str | None) -> None:
    assert address.balancer_url(found) == url


def test_the_address_of_a_node_is_of_the_first_kind_that_there_is() -> None:
    inner = {"type": "InternalIP", "address": "10.0.0.1"}
    outer = {"type": "ExternalIP", "address": "203.0.113.1"}
    nodes = [{"status": {"addresses": [inner]}}, {"status": {"addresses": [inner, outer]}}]
    both = (address.EXTERNAL, address.INTERNAL)
    assert address.node_host(nodes, both) == "203.0.113.1"
    assert address.node_host(nodes[:1], both) == "10.0.0.1"
    assert address.node_host(nodes[:1], (address.EXTERNAL,)) is None
