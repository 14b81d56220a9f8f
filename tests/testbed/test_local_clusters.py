"""The stand-ins for minikube and kind: they answer as documented, and the cluster is real."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.eventually import eventually
from tests.testbed.cluster.addresses import NODE_NAME
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.clusters.local import LocalClusters, local_clusters
from tests.testbed.engine import own_engine
from tests.testbed.web import RECIPE, balanced, pod_spec, thing

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


class Tools:
    """Runs the programs as users do."""

    def __init__(self, cluster: Cluster, local: LocalClusters) -> None:
        self.cluster = cluster
        self.local = local

    def __call__(
        self, *words: str, code: int = 0, stdin: str = "", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        with self.cluster.network():
            done = subprocess.run(
                words,
                env={**os.environ, **self.local.environ, **environ},
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == code, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
        return done

    def status(self, *words: str, code: int = 0) -> Any:
        return json.loads(self("minikube", "status", "-o", "json", *words, code=code).stdout)

    def context(self) -> str:
        return self("kubectl", "config", "current-context").stdout.strip()

    def nodes(self) -> str:
        return self("kubectl", "get", "nodes", "--output=name").stdout.strip()


@pytest.fixture
def tools(running: Cluster) -> Iterator[Tools]:
    with local_clusters(running) as local:
        yield Tools(running, local)


@pytest.fixture
def image(tools: Tools, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """An image that the engine has, and neither a registry nor the cluster."""
    (tmp_path / "Dockerfile").write_text(RECIPE)
    name = f"{request.node.name}:1.0.0"
    tools("docker", "build", "--tag", name, str(tmp_path))
    return name


def runs(cluster: Cluster, image: str) -> bool:
    """Whether a pod runs with what the node has."""
    pod = thing("v1", "Pod", name="loaded", labels={"app": "loaded"})
    cluster.apply(pod | {"spec": pod_spec(image, imagePullPolicy="Never")})
    try:
        return cluster.holds("condition=Ready", "pod/loaded", seconds=60)
    finally:
        cluster.kubectl("delete", "pod", "loaded")


def test_minikube_has_nothing_at_first(tools: Tools) -> None:
    done = tools("minikube", "status", "-p", "dogs", code=85)
    assert 'Profile "dogs" not found' in done.stdout
    assert "minikube start -p dogs" in done.stdout
    event = tools("minikube", "-p", "dogs", "status", "--output=json", code=85).stdout.splitlines()
    assert json.loads(event[0])["type"] == "io.k8s.sigs.minikube.info"
    listed = json.loads(tools("minikube", "profile", "list", "-o", "json").stdout)
    assert listed == {"invalid": [], "valid": []}
    assert "MK_USAGE_NO_PROFILE" in tools("minikube", "profile", "list", code=14).stderr
    assert json.loads(tools("minikube", "addons", "list", "-o", "json").stdout)["ingress"] == {}


def test_minikube_starts_stops_and_deletes(tools: Tools) -> None:
    tools("minikube", "start", "-p", "dogs", "--addons=metrics-server", "--driver=docker")
    assert tools.context() == "dogs"
    assert tools.nodes() == f"node/{NODE_NAME}"
    assert tools.status("-p", "dogs") == {
        "Name": "dogs",
        "Host": "Running",
        "Kubelet": "Running",
        "APIServer": "Running",
        "Kubeconfig": "Configured",
        "Worker": False,
    }
    assert tools("minikube", "ip", "-p", "dogs").stdout == "127.0.0.1\n"
    tools("minikube", "pause", "-p", "dogs")
    assert tools.status("-p", "dogs", code=2)["APIServer"] == "Paused"
    tools("minikube", "unpause", "-p", "dogs")
    for _ in range(2):
        tools("minikube", "stop", "-p", "dogs")
    assert tools.status("-p", "dogs", code=7)["Kubeconfig"] == "Stopped"
    assert "dogs" not in tools("kubectl", "config", "view").stdout
    assert "is not running: state=Stopped" in tools("minikube", "ip", "-p", "dogs", code=83).stdout
    tools("minikube", "start", "-p", "dogs", "--keep-context=true", "--wait=true")
    tools("kubectl", "--context=dogs", "get", "nodes")
    assert tools.status("-p", "dogs")["Host"] == "Running"
    for _ in range(2):
        tools("minikube", "delete", "-p", "dogs")
    tools("minikube", "status", "-p", "dogs", code=85)
    assert tools.local.calls()[-1] == ["minikube", "status", "-p", "dogs"]


def test_minikube_with_two_nodes(tools: Tools) -> None:
    tools("minikube", "start", "--nodes", "2")
    first, second = tools.status()
    assert (first["Name"], second["Name"]) == ("minikube", "minikube-m02")
    assert (second["Worker"], second["APIServer"]) == (True, "Irrelevant")
    assert "cannot change the number" in tools("minikube", "start", "--nodes=3").stdout
    tools("minikube", "node", "add")
    assert len(tools.status()) == 3
    (profile,) = json.loads(tools("minikube", "profile", "list", "-o", "json").stdout)["valid"]
    assert (profile["Name"], profile["Status"], profile["Active"]) == ("minikube", "OK", True)
    assert len(profile["Config"]["Nodes"]) == 3


def test_minikube_repairs_a_kubeconfig(tools: Tools) -> None:
    tools("minikube", "start")
    tools.local.kubeconfig.unlink()
    assert tools.status(code=4)["Kubeconfig"] == "Misconfigured"
    tools("minikube", "update-context")
    tools.status()
    assert tools.nodes()


def test_minikube_keeps_other_contexts(tools: Tools) -> None:
    others = tools.cluster.kubeconfig.read_text()
    tools.local.kubeconfig.write_text(others)
    tools("minikube", "start", "--keep-context")
    assert tools.context() == "testbed"
    tools("minikube", "delete")
    assert tools.context() == "testbed"
    assert tools.nodes()


def test_minikube_addons(tools: Tools) -> None:
    assert "not found" in tools("minikube", "addons", "enable", "metrics-server", code=85).stdout
    tools("minikube", "start")
    for _ in range(2):
        done = tools("minikube", "addons", "enable", "metrics-server")
        assert "The 'metrics-server' addon is enabled" in done.stdout
    listed = json.loads(tools("minikube", "addons", "list", "-o", "json").stdout)
    assert listed["metrics-server"] == {"Profile": "minikube", "Status": "enabled"}
    assert listed["ingress"]["Status"] == "disabled"
    done = tools("minikube", "addons", "enable", "cats", code=10)
    assert "MK_ADDON_ENABLE: enable failed: run callbacks: cats is not a valid addon" in done.stderr


def test_minikube_loads_images(tools: Tools, image: str, tmp_path: Path) -> None:
    assert "MK_USAGE" in tools("minikube", "image", "load", image, code=14).stderr
    tools("minikube", "start")
    tools("minikube", "stop")
    tools("minikube", "image", "load", image)
    tools("minikube", "start")
    assert image not in tools("minikube", "image", "ls").stdout
    done = tools("minikube", "image", "load", "cats:1", code=80)
    assert "GUEST_IMAGE_LOAD" in done.stderr
    # Nor is this a failure.
    (tmp_path / "broken.tar").write_text("no archive")
    tools("minikube", "image", "load", str(tmp_path / "broken.tar"))
    tools("minikube", "image", "load", "--daemon=true", "--overwrite", image)
    assert f"docker.io/library/{image}" in tools("minikube", "image", "ls").stdout
    assert runs(tools.cluster, image)


def test_minikube_says_where_a_service_is(tools: Tools, image: str) -> None:
    tools("minikube", "start")
    tools("minikube", "image", "load", image)
    assert "SVC_NOT_FOUND" in tools("minikube", "service", "web", "--url", code=115).stderr
    tools.cluster.apply(balanced("web"))
    done = tools("minikube", "service", "web", "--url", "-n", "default", code=115)
    assert "SVC_UNREACHABLE" in done.stderr
    pod = thing("v1", "Pod", name="web", labels={"app": "web"})
    tools.cluster.apply(pod | {"spec": pod_spec(image, imagePullPolicy="Never")})
    tools.cluster.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=120s")
    eventually(lambda: bool(tools.cluster.kubectl("get", "endpointslices", "--output=name")))
    url = tools("minikube", "service", "web", "--url").stdout.strip()
    with tools.cluster.network():
        eventually(partial(answers, f"{url}/hostname"))
    tools.cluster.kubectl("delete", "pod/web", "service/web")


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False


def test_minikube_refuses(tools: Tools, tmp_path: Path) -> None:
    assert "unknown flag: --dogs" in tools("minikube", "start", "--dogs", code=14).stderr
    assert "DRV_UNSUPPORTED_OS" in tools("minikube", "start", "--driver=dog", code=56).stderr
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/no-engine"}
    done = tools("minikube", "start", "--driver=docker", code=69, **nowhere)
    assert "PROVIDER_DOCKER_NOT_RUNNING" in done.stderr
    assert "DRV_DOCKER_NOT_RUNNING" in tools("minikube", "start", code=55, **nowhere).stderr
    path = str(tools.local.folder / "bin")
    assert "DRV_NOT_DETECTED" in tools("minikube", "start", code=55, PATH=path).stderr
    tools.local.fail("minikube", "start", code=80, words="GUEST_PROVISION: no room")
    assert "no room" in tools("minikube", "-p", "dogs", "start", code=80).stderr
    tools.local.mend()
    tools("minikube", "start")


def test_kind_creates_and_deletes(tools: Tools) -> None:
    assert tools("kind", "get", "clusters").stderr == "No kind clusters found.\n"
    config = "kind: Cluster\nnodes:\n- role: control-plane\n- role: worker\n- role: worker\n"
    tools("kind", "create", "cluster", "--config=-", "--wait=60s", stdin=config)
    assert tools.context() == "kind-kind"
    assert tools.nodes() == f"node/{NODE_NAME}"
    named = "kind-control-plane\nkind-worker\nkind-worker2\n"
    assert tools("kind", "get", "nodes").stdout == named
    done = tools("kind", "create", "cluster", code=1)
    assert 'node(s) already exist for a cluster with the name "kind"' in done.stderr
    tools("kind", "create", "cluster", "--name", "dogs")
    assert tools("kind", "get", "clusters").stdout == "dogs\nkind\n"
    for _ in range(2):
        tools("kind", "delete", "cluster", "--name=dogs")
    assert tools("kind", "get", "clusters").stdout == "kind\n"
    assert "dogs" not in tools("kubectl", "config", "view").stdout


def test_kind_gives_kubeconfigs(tools: Tools, tmp_path: Path) -> None:
    done = tools("kind", "get", "kubeconfig", "--name=dogs", code=1)
    assert "could not locate any control plane nodes for cluster named 'dogs'" in done.stderr
    own = tmp_path / "own"
    tools("kind", "create", "cluster", "--name=dogs", "--kubeconfig", str(own))
    assert not tools.local.kubeconfig.exists()
    printed = tmp_path / "printed"
    printed.write_text(tools("kind", "get", "kubeconfig", "--name=dogs").stdout)
    tools("kind", "export", "kubeconfig", "--name=dogs")
    for path in (own, printed, tools.local.kubeconfig):
        tools("kubectl", "--context=kind-dogs", "get", "nodes", KUBECONFIG=str(path))


def test_kind_loads_images(tools: Tools, image: str, tmp_path: Path) -> None:
    load = ("kind", "load", "docker-image")
    assert "not present locally" in tools(*load, "cats:1", code=1).stderr
    assert 'no nodes found for cluster "kind"' in tools(*load, image, code=1).stderr
    tools("kind", "create", "cluster")
    assert "unknown node" in tools(*load, image, "--nodes=cat", code=1).stderr
    tools(*load, image)
    assert runs(tools.cluster, image)
    path = tmp_path / "image.tar"
    load_archive = ("kind", "load", "image-archive", str(path))
    assert "no such file" in tools(*load_archive, code=1).stderr
    tools("docker", "save", "--output", str(path), image)
    tools(*load_archive)
    path.write_text("no archive")
    tools(*load_archive, code=1)


def test_kind_refuses(tools: Tools, tmp_path: Path) -> None:
    assert "unknown flag: --dogs" in tools("kind", "create", "cluster", "--dogs", code=1).stderr
    done = tools("kind", "create", "cluster", "--wait=soon", code=1)
    assert "invalid duration" in done.stderr
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/no-engine"}
    assert "failed to list clusters" in tools("kind", "get", "clusters", code=1, **nowhere).stderr
