"""The stack of a smoke test: the project's own, with the image under test, apart from all else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from dogctl.config.checks import Check
from dogctl.lifecycle.health import HOST
from dogctl.tools.compose import builds

# A new one makes the passes of older versions of dogctl void.
RULES = 1


def under_test(config: Mapping[str, Any], service: str) -> frozenset[str]:
    """The services that run the app's image: those that are built as it is, or name the same."""
    found = builds(config)
    origins = {name: (each.context, each.dockerfile, each.target) for name, each in found.items()}
    images = {name: values.get("image") for name, values in config["services"].items()}

    def same(name: str, values: Mapping[str, str | None] | Mapping[str, Any]) -> bool:
        return values.get(name) is not None and values.get(name) == values.get(service)

    return frozenset(
        name for name in images if name == service or same(name, origins) or same(name, images)
    )


def isolated(
    config: Mapping[str, Any],
    service: str,
    image: str,
    name: str,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """A resolved compose configuration as a stack that disturbs no other and keeps nothing.

    Volumes and networks are its own and plain, even where the file names them or says `external`;
    folders of this machine can only be read; nothing is published but the app, on a free port of
    127.0.0.1, which the engine chooses when it starts it.

    Args:
        config: as `docker compose config` gives it.
        service: the app's service.
        image: what it and the services built like it run.
        name: the name of the new stack.
        labels: for all its containers, volumes and networks.
    """
    tested = under_test(config, service)
    others = builds(config)
    services = {}
    for key, values in config["services"].items():
        values = {k: v for k, v in values.items() if k not in ("container_name", "ports")}
        if key in tested:
            values = {k: v for k, v in values.items() if k != "build"}
            values |= {"image": image, "pull_policy": "never"}
        elif key in others:
            values["image"] = others[key].image  # built once, and not for every run again
        values["volumes"] = [_harmless(mount) for mount in values.get("volumes") or ()]
        values["networks"] = _without_addresses(values.get("networks"))
        values["labels"] = {**(values.get("labels") or {}), **labels}
        services[key] = {k: v for k, v in values.items() if v not in ({}, [])}
    services[service]["ports"] = _ports(config, service)
    return {
        **config,
        "name": name,
        "services": services,
        "volumes": {key: {"labels": dict(labels)} for key in config.get("volumes") or ()},
        "networks": {
            key: {"labels": dict(labels), "internal": bool((values or {}).get("internal"))}
            for key, values in (config.get("networks") or {}).items()
        },
    }


def publishes(config: Mapping[str, Any], service: str) -> bool:
    """Whether the app can be reached from outside of the stack."""
    return bool(_ports(config, service))


def pass_key(config: Mapping[str, Any], image_id: str, checks: Iterable[Check]) -> str:
    """What a pass is true for; `config` without what differs from run to run."""
    value = [RULES, image_id, config, [check.as_data() for check in checks]]
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _ports(config: Mapping[str, Any], service: str) -> list[dict[str, Any]]:
    ports = config["services"][service].get("ports") or ()
    return [
        {"target": port["target"], "protocol": "tcp", "host_ip": HOST}
        for port in ports
        if port.get("protocol", "tcp") == "tcp"
    ]


def _harmless(mount: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**mount, "read_only": True} if mount.get("type") == "bind" else mount


def _without_addresses(networks: Mapping[str, Any] | None) -> dict[str, Any]:
    kept = ("aliases", "priority")
    return {
        key: {k: v for k, v in (values or {}).items() if k in kept} or None
        for key, values in (networks or {}).items()
    }
