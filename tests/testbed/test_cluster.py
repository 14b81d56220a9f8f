"""The test bed's cluster: whatever tests of releases will rely on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.eventually import eventually
from tests.testbed import cache
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.cluster.fakes import fake_nodes
from tests.testbed.cluster.metrics import metrics
from tests.testbed.engine import own_engine
from tests.testbed.leftovers import left_of, processes_in
from tests.testbed.ports import free_port
from tests.testbed.web import (
    ASK,
    RESTRICTED,
    balanced,
    claim,
    deployment,
    pod_spec,
    push,
    thing,
    with_volume,
)

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

# Taken before a test gets a home of its own: a second cache would be filled from nothing.
# The test bed keeps its cache in the real home directory, so the guard is left out.
CACHE = {"XDG_CACHE_HOME": str(cache.folder().parent), "PYTHONPATH": ""}
NAMESPACE = "strict"
RESOURCES = {"requests": {"cpu": "50m"}}
IN = ("--namespace", NAMESPACE)


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture(scope="module")
def image(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that the engine built and pushed, by its digest."""
    return push(running, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def web(running: Cluster, image: str) -> Cluster:
    """A cluster with a Deployment of two pods behind a service."""
    running.apply(
        thing("v1", "Namespace", name=NAMESPACE, labels=RESTRICTED),
        deployment("web", pod_spec(image, resources=RESOURCES), 2, namespace=NAMESPACE),
        balanced("web", namespace=NAMESPACE),
    )
    running.kubectl("rollout", "status", "deployment/web", *IN, "--timeout=120s")
    return running


def pods(cluster: Cluster) -> list[dict[str, Any]]:
    found = cluster.kubectl("get", "pods", *IN, "--selector=app=web", "--output=json")
    return [pod for pod in json.loads(found)["items"] if "deletionTimestamp" not in pod["metadata"]]


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False


def test_the_versions(running: Cluster) -> None:
    versions = json.loads(running.kubectl("version", "--output=json"))
    assert versions["serverVersion"]["gitVersion"].startswith("v1.34.")
    (node,) = json.loads(running.kubectl("get", "nodes", "--output=json"))["items"]
    assert node["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.34.")
    assert running.run("helm", "version", "--short").startswith("v3.")
    assert running.run(running.parts["helm4"], "version", "--short").startswith("v4.")


def test_pods_run_what_was_pushed_under_the_restricted_standard(web: Cluster, image: str) -> None:
    found = pods(web)
    assert len(found) == 2
    digest = image.partition("@")[2]
    assert all(digest in pod["status"]["containerStatuses"][0]["imageID"] for pod in found)
    bad = thing("v1", "Pod", name="bad", namespace=NAMESPACE) | {
        "spec": {"containers": [{"name": "bad", "image": image}]}
    }
    with pytest.raises(RuntimeError, match='violates PodSecurity "restricted'):
        web.apply(bad)


def test_a_service_answers_by_name_by_node_port_and_at_its_address(web: Cluster) -> None:
    url = f"http://web.{NAMESPACE}.svc.cluster.local/hostname"
    names = {pod["metadata"]["name"] for pod in pods(web)}
    for name in names:
        ask = ("exec", *IN, name, "--", *ASK, url)
        # The packet filter learns of a service, and of its pods, within moments.
        eventually(partial(web.answers, *ask))
        assert web.kubectl(*ask).strip() in names
    web.kubectl("wait", *IN, "service/web", "--for=jsonpath={.status.loadBalancer.ingress}")
    service = json.loads(web.kubectl("get", "service", "web", *IN, "--output=json"))
    port = service["spec"]["ports"][0]["nodePort"]
    (ingress,) = service["status"]["loadBalancer"]["ingress"]
    with web.network():
        for address in (f"127.0.0.1:{port}", ingress["ip"]):
            eventually(partial(answers, f"http://{address}/hostname"))


def test_logs_exec_and_port_forward(web: Cluster) -> None:
    name = pods(web)[0]["metadata"]["name"]
    eventually(lambda: "GET /hostname" in web.kubectl("logs", *IN, name))
    who = web.kubectl("exec", *IN, name, "--stdin", "--", "sh", "-c", "id -u; cat", stdin="dog")
    assert who == "10001\ndog"
    port = free_port()
    forward = ["kubectl", "port-forward", *IN, f"pod/{name}", f"{port}:8000"]
    with web.network(), subprocess.Popen(forward, env=web.environ, stdout=subprocess.DEVNULL) as it:
        try:
            eventually(lambda: answers(f"http://127.0.0.1:{port}/hostname"))
        finally:
            it.terminate()


def test_a_volume_keeps_data_and_belongs_to_the_group(web: Cluster, image: str) -> None:
    writer = deployment("writer", with_volume(pod_spec(image), "data"), 1, namespace=NAMESPACE)
    # One pod after the other, so that `deployment/writer` never means one that is about to end.
    writer["spec"]["strategy"] = {"type": "Recreate"}
    web.apply(claim("data", namespace=NAMESPACE), writer)
    run = ("exec", *IN, "deployment/writer", "--", "sh", "-c")
    web.kubectl("rollout", "status", "deployment/writer", *IN, "--timeout=120s")
    web.kubectl(*run, "echo 41 > /data/visits")
    web.kubectl("rollout", "restart", "deployment/writer", *IN)
    web.kubectl("rollout", "status", "deployment/writer", *IN, "--timeout=120s")
    assert web.kubectl(*run, "cat /data/visits") == "41\n"
    web.kubectl("delete", *IN, "deployment/writer", "pvc/data")
    eventually(lambda: not json.loads(web.kubectl("get", "pv", "--output=json"))["items"])


@pytest.fixture(scope="module")
def measured(web: Cluster) -> Iterator[Cluster]:
    with metrics(web):
        yield web


def test_pods_are_measured(measured: Cluster) -> None:
    top = ("top", "pod", *IN, "--no-headers")
    eventually(lambda: measured.answers(*top) and measured.kubectl(*top).count("web-") == 2)


@pytest.fixture(scope="module")
def wide(running: Cluster) -> Iterator[Cluster]:
    with fake_nodes(running, "fake-1", "fake-2"):
        yield running


def test_pods_are_scheduled_on_nodes_that_are_not_there(wide: Cluster) -> None:
    ghost = thing("v1", "Pod", name="ghost") | {
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": "fake-2"},
            "containers": [{"name": "ghost", "image": "nothing"}],
        }
    }
    wide.apply(ghost)
    wide.kubectl("wait", "--for=condition=Ready", "pod/ghost", "--timeout=60s")
    wide.kubectl("delete", "pod", "ghost")


@pytest.fixture(scope="module")
def left() -> Iterator[tuple[list[str], list[str]]]:
    """What there is of a cluster with a pod, and what is left of it while its engine goes on."""
    with own_engine() as engine:
        assert engine.run is not None
        with cluster(engine) as found:
            groups = cache.cgroups(f"{engine.run.cgroup}/cluster")
            assert groups
            found.kubectl("run", "idle", "--image=testbed.local/pause:1")
            found.kubectl("wait", "--for=condition=Ready", "pod/idle", "--timeout=120s")
            before = [*left_of(found.folder), *filter(os.path.exists, map(str, groups))]
        yield before, [*left_of(found.folder), *filter(os.path.exists, map(str, groups))]


def test_nothing_is_left_of_a_cluster(left: tuple[list[str], list[str]]) -> None:
    before, after = left
    assert before
    assert after == []


def test_nothing_is_left_of_a_killed_one() -> None:
    script = "readlink /proc/self/ns/net && echo $KUBECONFIG && sleep 600"
    words = ["--kubernetes", "--nodes=2", "run", "sh", "-c", script]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.testbed", *words],
        cwd=REPOSITORY,
        env={**os.environ, **CACHE},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        network, kubeconfig = (process.stdout.readline().strip() for _ in range(2))
        folder = Path(kubeconfig).parents[2]
        assert processes_in(network)
        assert left_of(folder)
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not processes_in(network) and not left_of(folder))
