"""`dogctl infra destroy` with a cluster in it that has made load balancers and volumes."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dogctl.conftest import Done, Project
from tests.testbed import web
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.google.serving import PROJECT
from tests.testbed.terraform.cloud import Cloud, cloud
from tests.testbed.terraform.plugins import Parts, parts

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

SETTINGS = f"""
[tool.dogctl]
name = "tiny"
infra = "tf"

[tool.dogctl.env.dev]
target = "gke"
project-id = "{PROJECT}"
region = "europe-west1"
cluster = "tiny-dev"
state = "local"
"""
ROOT = """
variable "project_id" { type = string }
variable "cluster" { type = string }
provider "google" {
  project = var.project_id
  region  = "europe-west1"
}
resource "google_project_service" "apis" {
  for_each           = toset(["compute.googleapis.com", "container.googleapis.com"])
  service            = each.key
  disable_on_destroy = false
}
resource "google_compute_network" "this" {
  name                    = var.cluster
  auto_create_subnetworks = false
  depends_on              = [google_project_service.apis]
}
resource "google_container_cluster" "this" {
  name                = var.cluster
  location            = "europe-west1"
  network             = google_compute_network.this.id
  initial_node_count  = 1
  deletion_protection = false
}
"""


class Here(Project):
    """A project in the network of the cluster, where Google is."""

    def __init__(self, root: Path, around: Cloud) -> None:
        super().__init__(root)
        self.around = around
        self.configure(SETTINGS)
        (root / "tf").mkdir()
        (root / "tf" / "main.tf").write_text(ROOT)

    def start(self, *words: str) -> subprocess.Popen[str]:
        with self.around.cluster.network():
            return subprocess.Popen(
                self.argv(*words, "--env", "dev"),
                cwd=self.root,
                env=self.environ(**self.around.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def do(self, *words: str) -> Done:
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        return Done(process.returncode, out, err)


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture(scope="module")
def image(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    return web.push(running, tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts()


@pytest.fixture
def project(running: Cluster, made: Parts, tmp_path: Path) -> Iterator[Here]:
    with cloud(running, made=made) as around:
        found = Here(tmp_path, around)
        done = found.do("infra", "apply", "--yes")
        assert done.code == 0, done.err
        yield found


def fill(cluster: Cluster, image: str) -> None:
    """A load balancer, and a volume that a pod uses and that its owner would make again."""
    pod = web.pod_spec(image)
    (container,) = pod["containers"]
    mounted = {**container, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {**pod, "containers": [mounted]}}
    claims = [web.claim("data")]
    owner = web.thing("apps/v1", "StatefulSet", name="web", namespace="kennel") | {
        "spec": {
            "serviceName": "web",
            "selector": {"matchLabels": {"app": "web"}},
            "template": template,
            "volumeClaimTemplates": claims,
        }
    }
    namespace = web.thing("v1", "Namespace", name="kennel")
    cluster.apply(namespace, web.balanced("web", namespace="kennel"), owner)
    cluster.kubectl("rollout", "status", "statefulset/web", "--namespace=kennel", "--timeout=120s")


def left(cluster: Cluster) -> list[str]:
    kinds = "services,persistentvolumeclaims,persistentvolumes,statefulsets"
    said = json.loads(cluster.kubectl("get", kinds, "--all-namespaces", "--output=json"))
    names = [f"{each['kind']}/{each['metadata']['name']}" for each in said["items"]]
    return [name for name in names if name not in ("Service/kubernetes", "Service/kube-dns")]


def test_what_the_cluster_has_made_goes_before_the_cluster(project: Here, image: str) -> None:
    around = project.around
    fill(around.cluster, image)
    dry = project.do("infra", "destroy", "--dry-run")
    assert "1 load balancer and 1 volume" in dry.out, dry.err
    assert "- services kennel/web: its load balancer" in dry.out
    assert "StatefulSet/web" in left(around.cluster)

    running = project.start("infra", "destroy", "--yes", "--events")
    assert running.stderr is not None
    for line in running.stderr:
        event = json.loads(line)
        if (event["event"], event.get("step")) == ("step-finished", "cluster"):
            break
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)

    done = project.do("infra", "destroy", "--yes")
    assert (done.code, done.out) == (0, "nothing of dev is left\n"), done.err
    assert left(around.cluster) == []
    assert not around.google.resources.all("google_container_cluster")
    assert around.google.resources.left == {}
    again = project.do("destroy", "--json")
    assert (again.code, again.json["data"]["changed"]) == (0, False), again.err
