"""A second real node, in a network of its own, joined to that of the first by a cable.

Its pods and those of the first reach each other under their own addresses. 127.0.0.1 of the node
is the first node's, where the registry and the API server are, but for the node's own ports.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tests.testbed.cluster import addresses, node, watches
from tests.testbed.cluster.cluster import Cluster, serves
from tests.testbed.cluster.inside import cgroup, inside
from tests.testbed.cluster.network import Network, network
from tests.testbed.cluster.node import Node
from tests.testbed.services import wait
from tests.testbed.stages import stage

CABLE = addresses.SECOND_NAME
LOOPBACK = "127.0.0.1"
BETWEEN_PODS = f"--source {addresses.PODS} --destination {addresses.PODS} --jump ACCEPT"
TO_THE_FIRST = f"--destination {addresses.SECOND_GATEWAY} --protocol tcp"
NOT_OF_THE_NODE = f"--destination {LOOPBACK} --protocol tcp ! --dport {addresses.NODE_PORTS}"
# Pods are not hidden behind their nodes from pods.
AT_THE_FIRST = (
    f"filter FORWARD --in-interface {CABLE} --jump ACCEPT",
    f"filter FORWARD --out-interface {CABLE} --jump ACCEPT",
    f"nat POSTROUTING --out-interface {CABLE} {BETWEEN_PODS}",
    f"nat POSTROUTING --source {addresses.SECOND} --out-interface tap0 --jump MASQUERADE",
    f"nat PREROUTING --in-interface {CABLE} {TO_THE_FIRST} --jump DNAT --to-destination {LOOPBACK}",
)
AT_THE_SECOND = (
    f"nat POSTROUTING --out-interface eth0 {BETWEEN_PODS}",
    f"nat POSTROUTING --source {LOOPBACK} --out-interface eth0 --jump MASQUERADE",
    f"nat OUTPUT {NOT_OF_THE_NODE} --jump DNAT --to-destination {addresses.SECOND_GATEWAY}",
)


@contextmanager
def second_node(cluster: Cluster) -> Iterator[Node]:
    """While it lasts, the cluster has a second node; its pods are deleted with it."""
    made = cluster.parts
    watches.wait_for_room(watches.NODE)
    with ExitStack() as stack:
        with stage("starting a second node"):
            found = stack.enter_context(place(cluster))

            def run(name: str, command: list[str]) -> subprocess.Popen[bytes]:
                return stack.enter_context(cluster.service(f"{CABLE}-{name}", command, found))

            containerd = run("containerd", node.containerd(made, found))
            wait(containerd, lambda: node.pause_is_imported(made, found))
            kubelet = run("kubelet", node.kubelet(made, found))
            proxy = run("kube-proxy", node.proxy(made, found))
            wait(proxy, lambda: serves(found, addresses.PROXY_READY_PORT, "/healthz"))
            wait(kubelet, lambda: bool(pods_of(cluster)))
            node.connect(found, pods_of(cluster))
            outside = network(cluster, cluster.node)
            outside.ip(f"route add {pods_of(cluster)} via {addresses.SECOND}")
            wait(kubelet, lambda: cluster.holds("condition=Ready", f"node/{CABLE}"))
        try:
            yield found
        finally:
            remove(cluster)


@contextmanager
def place(cluster: Cluster) -> Iterator[Node]:
    """Where the second node is to run, connected with the first."""
    engine = cluster.engine
    assert engine.namespaces is not None
    assert engine.run is not None
    folder = cluster.folder / CABLE
    (folder / "etc").mkdir(parents=True)
    with ExitStack() as stack:
        group = stack.enter_context(cgroup(f"{engine.run.cgroup}/{CABLE}"))
        opened = inside(engine.namespaces, folder, cluster.parts.programs, own_network=True)
        identities = replace(cluster.identities, folder=folder / "etc")
        found = Node(CABLE, addresses.SECOND, stack.enter_context(opened), identities, group)
        stack.enter_context(cable(network(cluster, cluster.node), network(cluster, found)))
        yield found


@contextmanager
def cable(first: Network, second: Network) -> Iterator[None]:
    """Connect both; of the network of the first, which goes on, nothing is changed at the end."""
    first.ip(f"link add {CABLE} type veth peer name eth0 netns {second.namespaces.pid}")
    first.ip(f"address add {addresses.SECOND_GATEWAY}/24 dev {CABLE}")
    first.ip(f"link set {CABLE} up")
    second.ip("link set lo up")
    second.ip(f"address add {addresses.SECOND}/24 dev eth0")
    second.ip("link set eth0 up")
    second.ip(f"route add default via {addresses.SECOND_GATEWAY}")
    first.forward(CABLE)
    second.forward("eth0")
    try:
        with second.rules(*AT_THE_SECOND), first.rules(*AT_THE_FIRST):
            yield
    finally:
        first.ip(f"link delete {CABLE}")


def pods_of(cluster: Cluster) -> str:
    """The range that the cluster gave to the second node; nothing before it has one."""
    path = "jsonpath={.items[0].spec.podCIDR}"
    selector = f"--field-selector=metadata.name={CABLE}"
    return cluster.kubectl("get", "nodes", selector, f"--output={path}")


def remove(cluster: Cluster) -> None:
    """Delete the node and its pods; those of Deployments are made again on another."""
    cluster.kubectl("cordon", CABLE)
    words = ["--all-namespaces", f"--field-selector=spec.nodeName={CABLE}"]
    cluster.kubectl("delete", "pods", *words, "--force", "--grace-period=0")
    cluster.kubectl("delete", "node", CABLE)
