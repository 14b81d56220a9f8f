"""Nodes that are not there, for what only counts nodes: spreading, draining, budgets.

Pods on them are said to run, but nothing does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.testbed.cluster.cluster import Cluster
from tests.testbed.services import wait

STAGES = Path(__file__).parent / "stages.yaml"
MARK = "kwok.x-k8s.io/node"
SIZE = {"cpu": "8", "memory": "32Gi", "pods": "110"}


@contextmanager
def fake_nodes(cluster: Cluster, *names: str) -> Iterator[None]:
    """While it lasts, the cluster has Ready nodes of these names too."""
    command = [
        cluster.parts["kwok"],
        f"--config={STAGES}",
        f"--kubeconfig={cluster.kubeconfig}",
        f"--manage-nodes-with-annotation-selector={MARK}=fake",
    ]
    nodes = [f"node/{name}" for name in names]
    with cluster.service("kwok", command) as process:
        cluster.apply(*map(node, names))
        wait(process, lambda: cluster.holds("condition=Ready", *nodes))
        try:
            yield
        finally:
            cluster.kubectl("delete", *nodes)


def node(name: str) -> dict[str, Any]:
    """A node for kwok to look after."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {MARK: "fake"},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "status": {"allocatable": SIZE, "capacity": SIZE},
    }
