"""The second node of the test bed's cluster: pods on it are like those on the first."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.eventually import eventually
from tests.testbed import cache
from tests.testbed.cluster.addresses import NODE_NAME, SECOND_NAME
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.cluster.network import network
from tests.testbed.cluster.second import second_node
from tests.testbed.engine import own_engine
from tests.testbed.leftovers import content
from tests.testbed.ports import free_port
from tests.testbed.web import (
    ASK,
    balanced,
    claim,
    deployment,
    pod_spec,
    push,
    thing,
    with_volume,
)

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

NODES = (NODE_NAME, SECOND_NAME)
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"app": "spread"}},
}
# A pod that is to end goes on until every packet filter knows.
LINGER = {"preStop": {"sleep": {"seconds": 5}}}


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found, second_node(found):
        yield found


@pytest.fixture(scope="module")
def image(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    return push(running, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def pair(running: Cluster, image: str) -> Cluster:
    """A cluster with a pod `on-NODE` on each node, and a service of that name for each."""
    for node in NODES:
        pod = pod_spec(image) | {"nodeName": node}
        running.apply(deployment(f"on-{node}", pod, 1), balanced(f"on-{node}"))
    for node in NODES:
        running.kubectl("rollout", "status", f"deployment/on-{node}", "--timeout=120s")
    return running


def pods(cluster: Cluster, app: str) -> list[dict[str, Any]]:
    found = json.loads(cluster.kubectl("get", "pods", f"--selector=app={app}", "--output=json"))
    return [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]


@pytest.mark.parametrize("here", NODES)
@pytest.mark.parametrize("there", NODES)
def test_pods_reach_each_other_and_services_by_name(pair: Cluster, here: str, there: str) -> None:
    (target,) = pods(pair, f"on-{there}")
    name, address = target["metadata"]["name"], target["status"]["podIP"]
    for host in (f"{address}:8000", f"on-{there}.default.svc.cluster.local"):
        ask = ("exec", f"deployment/on-{here}", "--", *ASK, f"http://{host}/hostname")
        # The packet filter learns of a service, and of its pods, within moments.
        eventually(partial(pair.answers, *ask))
        assert pair.kubectl(*ask).strip() == name


def test_pods_are_known_by_their_own_addresses(pair: Cluster) -> None:
    """To those on the other node, too: network policies and logs are about them."""
    for here, there in (NODES, NODES[::-1]):
        (asking,), (asked,) = pods(pair, f"on-{here}"), pods(pair, f"on-{there}")
        url = f"http://{asked['status']['podIP']}:8000/hostname?{here}"
        pair.kubectl("exec", f"deployment/on-{here}", "--", *ASK, url)
        eventually(partial(was_asked, pair, there, f"?{here}"))
        (line,) = asked_for(pair, there, f"?{here}")
        assert line.startswith(f"{asking['status']['podIP']} - - ")


def asked_for(cluster: Cluster, node: str, what: str) -> list[str]:
    """What the pod on a node has logged of such requests."""
    said = cluster.kubectl("logs", f"deployment/on-{node}")
    return [line for line in said.splitlines() if what in line]


def was_asked(cluster: Cluster, node: str, what: str) -> bool:
    return bool(asked_for(cluster, node, what))


def test_exec_and_port_forward(pair: Cluster) -> None:
    pod = f"deployment/on-{SECOND_NAME}"
    said = pair.kubectl("exec", pod, "--stdin", "--", "sh", "-c", "id -u; cat", stdin="dog")
    assert said == "10001\ndog"
    port = free_port()
    words = ["kubectl", "port-forward", pod, f"{port}:8000"]
    with pair.network(), subprocess.Popen(words, env=pair.environ, stdout=subprocess.DEVNULL) as it:
        try:
            eventually(partial(answers, f"http://127.0.0.1:{port}/hostname"))
        finally:
            it.terminate()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False


def test_a_pod_goes_back_to_the_node_of_its_volume(running: Cluster, image: str) -> None:
    spec = with_volume(pod_spec(image), "kept")
    pod = thing("v1", "Pod", name="keeper") | {"spec": spec}
    there = {"nodeSelector": {"kubernetes.io/hostname": SECOND_NAME}}
    running.apply(claim("kept"), pod | {"spec": spec | there})
    running.kubectl("wait", "--for=condition=Ready", "pod/keeper", "--timeout=120s")
    running.kubectl("exec", "keeper", "--", "sh", "-c", "echo 41 > /data/visits")
    running.kubectl("delete", "pod", "keeper")
    running.apply(pod)
    running.kubectl("wait", "--for=condition=Ready", "pod/keeper", "--timeout=120s")
    assert running.kubectl("exec", "keeper", "--", "cat", "/data/visits") == "41\n"
    where = running.kubectl("get", "pod", "keeper", "--output=jsonpath={.spec.nodeName}")
    assert where == SECOND_NAME
    running.kubectl("delete", "pod/keeper", "pvc/kept")


def test_a_service_answers_while_a_node_is_drained(running: Cluster, image: str) -> None:
    spec = pod_spec(image, lifecycle=LINGER)
    spec |= {"terminationGracePeriodSeconds": 8, "topologySpreadConstraints": [SPREAD]}
    budget = thing("policy/v1", "PodDisruptionBudget", name="spread") | {
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "spread"}}}
    }
    running.apply(deployment("spread", spec, 3), balanced("spread"), budget)
    running.kubectl("rollout", "status", "deployment/spread", "--timeout=120s")
    assert {pod["spec"]["nodeName"] for pod in pods(running, "spread")} == {*NODES}
    running.kubectl("wait", "service/spread", "--for=jsonpath={.status.loadBalancer.ingress}")
    path = "jsonpath={.status.loadBalancer.ingress[0].ip}"
    url = f"http://{running.kubectl('get', 'service', 'spread', f'--output={path}')}/hostname"
    with running.network():
        eventually(partial(answers, url))
    try:
        with asked_all_the_time(running, url) as said:
            running.kubectl(
                "drain", SECOND_NAME, "--delete-emptydir-data", "--force", "--timeout=300s"
            )
            running.kubectl("rollout", "status", "deployment/spread", "--timeout=120s")
    finally:
        running.kubectl("uncordon", SECOND_NAME)
    assert {pod["spec"]["nodeName"] for pod in pods(running, "spread")} == {NODE_NAME}
    assert len(said) > 1
    assert all(said)


@contextmanager
def asked_all_the_time(cluster: Cluster, url: str) -> Iterator[list[bool]]:
    """Whether it answered, each time."""
    said: list[bool] = []
    enough = threading.Event()

    def ask() -> None:
        with cluster.network():
            while not enough.wait(0.02):
                said.append(answers(url))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield said
    finally:
        enough.set()
        thread.join()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """What there is before a second node, with one that has a pod, and after it."""
    with own_engine() as engine, cluster(engine) as found:
        before = there_is(found)
        with second_node(found):
            image = push(found, tmp_path_factory.mktemp("image"))
            pod = pod_spec(image) | {"nodeName": SECOND_NAME}
            found.apply(thing("v1", "Pod", name="web") | {"spec": pod})
            found.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=120s")
            meanwhile = there_is(found)
        return {"before": before, "meanwhile": meanwhile, "after": there_is(found)}


def test_nothing_is_left_of_it_while_its_cluster_goes_on(
    seen: dict[str, dict[str, list[str]]],
) -> None:
    assert all(len(now) > len(seen["before"][what]) for what, now in seen["meanwhile"].items())
    assert seen["after"] == seen["before"]


def there_is(cluster: Cluster) -> dict[str, list[str]]:
    """What may have to do with a second node."""
    engine = cluster.engine
    assert engine.run is not None
    folder = str(cluster.folder / SECOND_NAME).encode()
    here = network(cluster, cluster.node)
    programs = Path("/proc").glob("[0-9]*/cmdline")
    return {
        "groups": [*map(str, cache.cgroups(f"{engine.run.cgroup}/{SECOND_NAME}"))],
        "interfaces": here.run("ip", "-brief", "link").split(),
        "nodes": cluster.kubectl("get", "nodes", "--output=name").split(),
        "pods": cluster.kubectl("get", "pods", "--output=name").split(),
        "processes": [path.parent.name for path in programs if folder in content(path)],
        "rules": [rule for rule in here.run("iptables-save").splitlines() if SECOND_NAME in rule],
    }
