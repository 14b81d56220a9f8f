"""An app without pods for a while, and back to as many as before.

How many there were is noted beside them, so that whoever comes after a dead run knows it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import PODS, Object
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
        return any(_noted(item) is not None for item in self._live())

    def down(self) -> None:
        """Have their pods end. What is down already stays as it is."""
        for item in self._live():
            if _noted(item) is None:
                self._patch(item, 0, str(item["spec"].get("replicas", 1)))

    def up(self) -> None:
        """Have as many pods as before."""
        for item in self._live():
            if (before := _noted(item)) is not None:
                self._patch(item, int(before), None)

    def wait_down(self, step: Run, check: Callable[[], None]) -> None:
        """Wait until the last pod has ended."""
        selectors = [selector(item) for item in self._live()]
        while left := sum(self._count(labels) for labels in selectors):
            check()
            step.progress(f"{left} pods are ending")
            step.sleep(POLL)

    def _count(self, labels: str) -> int:
        return len(self._cluster.kubernetes.select(PODS, self._cluster.namespace, labels=labels))

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


def selector(item: Object) -> str:
    """The labels that a workload knows its pods by."""
    labels = item["spec"]["selector"].get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _noted(item: Object) -> str | None:
    noted = (item["metadata"].get("annotations") or {}).get(_NOTE)
    return None if noted is None else str(noted)
