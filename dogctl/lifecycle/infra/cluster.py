"""What a cluster has made in the cloud that Terraform does not know: load balancers and volumes.

They would outlive the cluster, be paid for, and hold its network, so that that could not go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dogctl.clouds.gke_errors import NO_CLUSTER, NOT_RUNNING
from dogctl.clouds.kubeconfig import NO_CONTEXT
from dogctl.clouds.kubernetes import (
    INGRESSES,
    PODS,
    SERVICES,
    STATEFUL_SETS,
    VOLUME_CLAIMS,
    VOLUMES,
    Kind,
    Kubernetes,
    Object,
)
from dogctl.clouds.kubernetes_errors import NO_KIND, UNREACHABLE
from dogctl.errors import DogctlError
from dogctl.lifecycle.cluster import Cluster, connect, has_cluster
from dogctl.lifecycle.local_targets import ABSENT
from dogctl.plan import Run
from dogctl.secrets import Remember
from dogctl.tools.runner import LOCAL, Runner
from dogctl.tools.terraform.standing import KnownCluster

if TYPE_CHECKING:
    from dogctl.config.model import Project

GATEWAY = ("gateway.networking.k8s.io/v1", "Gateway")
# Those of Kubernetes and of the clouds; what is in them goes with the cluster.
_SYSTEM = ("kube-", "gke-", "gmp-", "config-management-", "amazon-")
# A load balancer takes Google minutes to remove.
PATIENCE = 900.0
POLL = 1.0


Found = tuple[Kind, Object]


@dataclass(frozen=True)
class Made:
    """What a cluster has made.

    Args:
        balancers: what a load balancer is made for.
        claims: the claims whose volumes go with them, and `volumes` those volumes.
        sets: what would make such claims again.
    """

    balancers: tuple[Found, ...] = ()
    claims: tuple[Found, ...] = ()
    volumes: tuple[Found, ...] = ()
    sets: tuple[Found, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.balancers or self.claims or self.volumes)

    def __str__(self) -> str:
        counts = ((len(self.balancers), "load balancer"), (len(self.volumes), "volume"))
        said = [f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count]
        return " and ".join(said) or "nothing"

    def lines(self) -> list[str]:
        """All of it, for people."""
        balancers = [f"- {_title(each)}: its load balancer" for each in self.balancers]
        return [*balancers, *(f"- {_title(each)}: its volume and data" for each in self.claims)]


def reach(
    project: Project,
    known: Sequence[KnownCluster],
    *,
    remember: Remember = lambda _: None,
    runner: Runner = LOCAL,
) -> Cluster | None:
    """The environment's cluster; None if it has none, or has it no more.

    A cluster that cannot be reached counts as gone only where Terraform has none any more, either.
    Raises DogctlError.
    """
    if not has_cluster(project):
        return None
    try:
        cluster = connect(project, remember=remember, changes=True, runner=runner)
        cluster.kubernetes.identity()
    except DogctlError as error:
        if _is_gone(error, known):
            return None
        raise
    return cluster


def is_known(cluster: Cluster, project: Project, known: Sequence[KnownCluster]) -> bool:
    """Whether it is one that Terraform has made: no other one is emptied."""
    settings = project.settings
    if any(each.name == settings.cluster and each.location == settings.region for each in known):
        return True
    host = urlsplit(cluster.kubernetes.server).hostname
    return any(host and host == _host(each.endpoint) for each in known)


def look(kubernetes: Kubernetes) -> Made:
    """What it has made and would leave behind. Raises DogctlError."""
    services = _ours(kubernetes, SERVICES)
    balanced = [each for each in services if each[1]["spec"].get("type") == "LoadBalancer"]
    volumes = [each for each in kubernetes.select(VOLUMES) if _goes_with_its_claim(each)]
    bound = {_claim(each) for each in volumes}
    return Made(
        (*balanced, *_ours(kubernetes, INGRESSES), *_gateways(kubernetes)),
        tuple(each for each in _ours(kubernetes, VOLUME_CLAIMS) if _id(each) in bound),
        tuple((VOLUMES, each) for each in volumes),
        tuple(
            each
            for each in _ours(kubernetes, STATEFUL_SETS)
            if each[1]["spec"].get("volumeClaimTemplates")
        ),
    )


def release(kubernetes: Kubernetes, made: Made, step: Run) -> None:
    """Delete what it has made, and wait until its controllers have given that back.

    Raises DogctlError: something does not go.
    """
    # The sets would make their claims again.
    for each in (*made.balancers, *(made.sets if made.claims else ()), *made.claims):
        namespace, name = _id(each)
        kubernetes.delete(each[0], name, namespace)
    deadline = monotonic() + PATIENCE
    while left := look(kubernetes):
        step.progress(f"waiting for {left} to go")
        _free(kubernetes, {_id(each) for each in left.claims})
        if monotonic() > deadline:
            raise DogctlError(
                f"{left} of the cluster did not go within {PATIENCE:g} s",
                code="cluster-keeps",
                where=kubernetes.server,
                hint="see what holds them with kubectl describe, and run the command again",
                detail=tuple(left.lines()),
            )
        step.sleep(POLL)


def _free(kubernetes: Kubernetes, claims: set[tuple[str, str]]) -> None:
    """A claim stays as long as a pod uses it."""
    for pod in kubernetes.select(PODS) if claims else ():
        namespace, name = _id((PODS, pod))
        used = (each.get("persistentVolumeClaim") for each in pod["spec"].get("volumes") or ())
        if any(each and (namespace, each["claimName"]) in claims for each in used):
            kubernetes.delete(PODS, name, namespace)


def _gateways(kubernetes: Kubernetes) -> list[Found]:
    try:
        return _ours(kubernetes, kubernetes.kind(*GATEWAY))
    except DogctlError as error:
        if error.code != NO_KIND:
            raise
        return []


def _is_gone(error: DogctlError, known: Sequence[KnownCluster]) -> bool:
    if error.code in (NO_CLUSTER, ABSENT):
        return True
    if error.code == NOT_RUNNING:
        # What never came up has made nothing, and what is being deleted can be told nothing.
        return (error.data or {}).get("status") in ("ERROR", "STOPPING")
    return not known and error.code in (UNREACHABLE, NO_CONTEXT)


def _ours(kubernetes: Kubernetes, kind: Kind) -> list[Found]:
    found = [(kind, each) for each in kubernetes.select(kind)]
    return [each for each in found if not _id(each)[0].startswith(_SYSTEM)]


def _goes_with_its_claim(volume: Object) -> bool:
    """Whether it is the volume of a claim of ours, and deleted with it."""
    deleted = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    namespace, _ = _claim(volume)
    return bool(deleted and namespace and not namespace.startswith(_SYSTEM))


def _claim(volume: Object) -> tuple[str, str]:
    claim = volume["spec"].get("claimRef") or {}
    return claim.get("namespace", ""), claim.get("name", "")


def _id(found: Found) -> tuple[str, str]:
    """Its namespace and name."""
    metadata = found[1]["metadata"]
    return metadata["namespace"], metadata["name"]


def _title(found: Found) -> str:
    return f"{found[0].plural} {'/'.join(_id(found))}"


def _host(endpoint: str | None) -> str | None:
    given = endpoint or ""
    return urlsplit(given if "//" in given else f"//{given}").hostname
