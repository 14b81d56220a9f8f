"""What is read from a compose file."""

from __future__ import annotations

from dogctl.tools.compose import published_ports


def test_ports_that_only_one_server_can_have() -> None:
    ports = [
        {"target": 8000, "published": "8001", "protocol": "tcp"},
        {"target": 8000, "published": "9000-9005", "protocol": "tcp"},
        {"target": 8000, "protocol": "tcp"},
        {"target": 53, "published": "53", "protocol": "udp"},
    ]
    config = {"services": {"app": {"ports": ports}, "database": {}}}
    assert list(published_ports(config)) == [("app", 8001)]
