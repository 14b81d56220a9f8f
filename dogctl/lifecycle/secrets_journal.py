"""A change of secrets under way, noted in the cluster until it is through.

A password that the database has been told is in nobody's head once dogctl is killed. So what a value
was and what it will be is in a Secret of its own before anything changes, and the next run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import SECRETS
from dogctl.lifecycle.cluster_secrets import decoded, encoded
from dogctl.lifecycle.database import Place
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

_KEY = "change"
_LABELS = {"app.kubernetes.io/managed-by": "dogctl"}


@dataclass(frozen=True)
class Edit:
    """One value that changes.

    Args:
        name: the variable.
        secret, key: where it is.
        old, new: as base64; None where there is none.
        noted: what was noted beside the old one.
    """

    name: str
    secret: str
    key: str
    old: str | None = field(repr=False)
    new: str = field(repr=False)
    noted: str | None = None

    @property
    def place(self) -> Place:
        return Place(self.secret, self.key)


def name(cluster: Cluster) -> str:
    """The Secret's name."""
    return f"dogctl-{cluster.release}"


def read(cluster: Cluster) -> tuple[Edit, ...]:
    """What a run before has begun and not ended. Raises DogctlError."""
    found = cluster.kubernetes.get(SECRETS, name(cluster), cluster.namespace)
    text = ((found or {}).get("data") or {}).get(_KEY)
    return tuple(Edit(**each) for each in json.loads(decoded(text))) if text else ()


def write(cluster: Cluster, edits: Sequence[Edit]) -> None:
    """Note what is about to change. Raises DogctlError."""
    text = json.dumps([asdict(each) for each in edits])
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name(cluster), "labels": _LABELS},
        "data": {_KEY: encoded(Secret(text))},
    }
    cluster.kubernetes.apply(SECRETS, body, cluster.namespace)


def forget(cluster: Cluster) -> None:
    """It is through. Raises DogctlError."""
    cluster.kubernetes.delete(SECRETS, name(cluster), cluster.namespace)
