"""Certificates of a release's Ingresses, as data. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from dogctl.clouds.certificates import Certificate, from_pem
from dogctl.errors import DogctlError
from dogctl.lifecycle.manifest import Object

Data = dict[str, Any]


def stored(ingresses: Iterable[Object], secrets: Iterable[Object], now: datetime) -> list[Data]:
    """The certificates in the Secrets that Ingresses name."""
    known = {secret["metadata"]["name"]: secret for secret in secrets}
    names = {
        tls["secretName"]: tls.get("hosts") or []
        for ingress in ingresses
        for tls in ingress["spec"].get("tls") or ()
        if tls.get("secretName")
    }
    return [_stored(name, hosts, known.get(name), now) for name, hosts in names.items()]


def served(found: Mapping[str, Certificate | DogctlError], now: datetime) -> list[Data]:
    """The certificates that hosts show."""
    return [
        _data("served", host, [host], now, problem=answer.message)
        if isinstance(answer, DogctlError)
        else _data("served", host, [host], now, answer)
        for host, answer in found.items()
    ]


def _stored(name: str, hosts: list[str], secret: Object | None, now: datetime) -> Data:
    if secret is None:
        return _data("secret", name, hosts, now, problem="there is no such Secret yet")
    try:
        pem = base64.b64decode(secret["data"]["tls.crt"])
        return _data("secret", name, hosts, now, from_pem(pem))
    except (KeyError, ValueError):
        return _data("secret", name, hosts, now, problem="there is no certificate in the Secret")


def _data(
    source: str,
    name: str,
    hosts: list[str],
    now: datetime,
    found: Certificate | None = None,
    problem: str | None = None,
) -> Data:
    left = (found.expires - now).days if found else None
    if left is not None and left < 0:
        problem = "it has expired"
    return {
        "source": source,
        "name": name,
        "hosts": hosts,
        "issuer": found.issuer if found else None,
        "expires": found.expires.isoformat() if found else None,
        "days": left,
        "problem": problem,
    }
