"""What there is of a release in its cluster, whoever left it there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import (
    CONFIG_MAPS,
    LEASES,
    PODS,
    SECRETS,
    VOLUME_CLAIMS,
    Kind,
    Object,
)
from dogctl.lifecycle import record, secrets_journal
from dogctl.lifecycle.manifest import is_kept, objects, title
from dogctl.lifecycle.revisions import revisions
from dogctl.lifecycle.scale import selector
from dogctl.lifecycle.workloads import KINDS
from dogctl.tools.helm_storage import Revision

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

_CLAIM = "PersistentVolumeClaim"
_INSTANCE = "app.kubernetes.io/instance={}"


@dataclass(frozen=True)
class There:
    """What there is of a release.

    Args:
        latest: its last revision; None if Helm knows nothing of it any more.
        goes: what an uninstall removes, as people call it.
        pods: the names of its pods.
        claims, secrets: what outlives the release: volume claims, and Secrets that are kept.
        notes: what dogctl itself has there, by kind and name.
    """

    latest: Revision | None
    goes: tuple[str, ...]
    pods: tuple[str, ...]
    claims: tuple[str, ...]
    secrets: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def lost(self) -> tuple[str, ...]:
        """The volume claims that Helm removes with the release."""
        return tuple(name for name in self.goes if name.startswith(f"{_CLAIM}/"))

    def is_gone(self, *, volumes: bool) -> bool:
        """Whether there is nothing left to do."""
        rest = (*self.claims, *self.secrets) if volumes else ()
        return self.latest is None and not (*self.goes, *self.pods, *self.notes, *rest)


def look(cluster: Cluster) -> There:
    """What there is of the release now. Raises DogctlError."""
    kubernetes, namespace = cluster.kubernetes, cluster.namespace
    found = revisions(cluster)
    latest = found[-1] if found else None
    manifest = objects(latest.manifest) if latest else []
    ours = _INSTANCE.format(cluster.release)
    workloads = [item for item in manifest if item["kind"] in KINDS and "selector" in item["spec"]]
    labels = dict.fromkeys([ours, *map(selector, workloads)])
    pods = {
        pod["metadata"]["name"]
        for each in labels
        for pod in kubernetes.select(PODS, namespace, labels=each)
    }
    labelled = kubernetes.select(VOLUME_CLAIMS, namespace, labels=ours)
    claims = outliving(manifest, (*labelled, *_there(cluster, set(_claims(manifest)))))
    kept = [item for item in kubernetes.select(SECRETS, namespace, labels=ours) if is_kept(item)]
    notes = [
        (kind, name)
        for kind, name in (*notes_of(cluster), (LEASES, record.name(cluster)))
        if kubernetes.get(kind, name, namespace) is not None
    ]
    return There(
        latest,
        tuple(title(item) for item in manifest if not is_kept(item)),
        tuple(sorted(pods)),
        claims,
        tuple(item["metadata"]["name"] for item in kept),
        tuple(f"{kind.plural}/{name}" for kind, name in notes),
    )


def notes_of(cluster: Cluster) -> tuple[tuple[Kind, str], ...]:
    """What dogctl keeps in the cluster for a release, but for its Lease."""
    return (
        (CONFIG_MAPS, record.name(cluster)),
        (SECRETS, secrets_journal.name(cluster)),
    )


def outliving(manifest: Sequence[Object], claims: Sequence[Object]) -> tuple[str, ...]:
    """The claims that stay when the release goes, and are not on their way out already."""
    goes = {title(item) for item in manifest if not is_kept(item)}
    names = {
        claim["metadata"]["name"]
        for claim in claims
        if "deletionTimestamp" not in claim["metadata"]
    }
    return tuple(sorted(name for name in names if f"{_CLAIM}/{name}" not in goes))


def _claims(manifest: Sequence[Object]) -> Iterator[str]:
    """The claims that the StatefulSets of a release make, for the pods that it has."""
    for item in manifest:
        if item["kind"] == "StatefulSet":
            for claim in item["spec"].get("volumeClaimTemplates") or ():
                for number in range(item["spec"].get("replicas", 1)):
                    yield f"{claim['metadata']['name']}-{item['metadata']['name']}-{number}"


def _there(cluster: Cluster, names: set[str]) -> list[Object]:
    found = (cluster.kubernetes.get(VOLUME_CLAIMS, name, cluster.namespace) for name in names)
    return [each for each in found if each]
