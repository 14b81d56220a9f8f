"""An app without pods for a while, and back to as many as before.

How many there were is noted beside them, so that whoever comes after a dead run knows it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from dogctl.clouds.kubernetes import PODS, Object
from dogctl.errors import DogctlError
from dogctl.lifecycle.database import find_database
from dogctl.lifecycle.workloads import KINDS, POLL
from dogctl.plan import Run

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

_NOTE = "dogctl.dev/replicas"
_SCALED = ("Deployment", "StatefulSet")


class Scale:
    """Some workloads of a release. Every method raises DogctlError."""

    def __init__(self, cluster: Cluster, workloads: Sequence[Object]) -> None:
        self._cluster = cluster
        self._workloads = [item for item in workloads if item["kind"] in _SCALED]

    @property
    def is_down(self) -> bool:
        """Whether a run before has taken their pods away, and died."""
        return any(map(is_down, self._live()))

    def down(self) -> None:
        """Have their pods end. What is down already stays as it is."""
        for item in self._live():
            if not is_down(item):
                self._patch(item, 0, str(item["spec"].get("replicas", 1)))

    def up(self) -> None:
        """Have as many pods as before."""
        for item in self._live():
            if (before := _noted(item)) is not None:
                self._patch(item, int(before), None)

    def wait_down(self, step: Run, check: Callable[[], None], timeout: float) -> None:
        """Wait until the last pod has ended; an error after some seconds."""
        selectors = [selector(item) for item in self._live()]
        deadline = monotonic() + timeout
        while left := [name for labels in selectors for name in self._pods(labels)]:
            check()
            if monotonic() > deadline:
                raise stuck(left)
            step.progress(f"{len(left)} pods are ending")
            step.sleep(POLL)

    def _pods(self, labels: str) -> list[str]:
        found = self._cluster.kubernetes.select(PODS, self._cluster.namespace, labels=labels)
        return [pod["metadata"]["name"] for pod in found if not has_ended(pod)]

    def _live(self) -> list[Object]:
        kubernetes, namespace = self._cluster.kubernetes, self._cluster.namespace
        found = (
            (item["kind"], kubernetes.get(KINDS[item["kind"]], item["metadata"]["name"], namespace))
            for item in self._workloads
        )
        return [{**there, "kind": kind} for kind, there in found if there]

    def _patch(self, item: Object, replicas: int, noted: str | None) -> None:
        body = {
            "metadata": {"annotations": {_NOTE: noted}},
            "spec": {"replicas": replicas},
        }
        name = item["metadata"]["name"]
        self._cluster.kubernetes.patch(KINDS[item["kind"]], name, body, self._cluster.namespace)


def is_down(item: Object) -> bool:
    """By us, and nobody has given it pods since, as another release does."""
    return _noted(item) is not None and not item["spec"].get("replicas", 1)


def check_whole(cluster: Cluster, manifest: Sequence[Object]) -> None:
    """Raise DogctlError if a restore was stopped in the middle: the database may be half a one."""
    if find_database(manifest) and Scale(cluster, manifest).is_down:
        raise DogctlError(
            "a restore of the database was stopped in the middle, and it may be half a one",
            code="restore-unfinished",
            where=cluster.environment,
            hint="dogctl db restore FILE brings it to its end, and the app back",
        )


def selector(item: Object) -> str:
    """The labels that a workload knows its pods by.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
    """
    given = item["spec"]["selector"]
    labels = [f"{name}={value}" for name, value in (given.get("matchLabels") or {}).items()]
    return ",".join((*labels, *map(_expression, given.get("matchExpressions") or ())))


def has_ended(pod: Object) -> bool:
    """Whether its containers have ended for good: what was evicted, or is through, stays listed."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def stuck(pods: Sequence[str]) -> DogctlError:
    """Pods that were told to end, and do not."""
    return DogctlError(
        f"{len(pods)} pods do not end",
        code="pods-stuck",
        where=pods[0],
        hint="look whether their node is alive, and run the command again",
    )


def _expression(given: Mapping[str, Any]) -> str:
    key, values = given["key"], ",".join(given.get("values") or ())
    forms: dict[str, str] = {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": key,
        "DoesNotExist": f"!{key}",
    }
    return forms[given["operator"]]


def _noted(item: Object) -> str | None:
    noted = (item["metadata"].get("annotations") or {}).get(_NOTE)
    return None if noted is None else str(noted)
