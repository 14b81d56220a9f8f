"""Both clouds and Terraform around the real cluster: what is made there is the cluster, and Helm."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core.client_options import ClientOptions
from google.cloud.container_v1 import ClusterManagerClient
from google.oauth2 import service_account

from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.google.serving import PROJECT
from tests.testbed.terraform import wheels
from tests.testbed.terraform.cloud import Cloud, cloud
from tests.testbed.terraform.plugins import Parts, parts
from tests.testbed.terraform.workspace import Workspace
from tests.testbed.web import balanced, claim

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

EXAMPLE = Path(__file__).parent / "terraform/examples/project"
CLUSTERS = f"projects/{PROJECT}/locations/-/clusters"
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: greeting\nversion: VERSION\nappVersion: '7'\n",
    "values.yaml": "greeting: hello\nsecret: ''\nimage: ''\n",
    "templates/greeting.yaml": """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  greeting: {{ .Values.greeting | quote }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
stringData:
  secret: {{ .Values.secret | quote }}
{{- with .Values.image }}
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ $.Release.Name }}
spec:
  containers:
    - name: main
      image: {{ . }}
{{- end }}
""",
}
RELEASE = """
variable "kubeconfig" {}
variable "image" {
  default = ""
}
variable "greeting" {
  default = "bark"
}

provider "helm" {
  kubernetes = {
    config_path    = var.kubeconfig
    config_context = "testbed"
  }
}

resource "random_password" "this" {
  length = 20
}

resource "helm_release" "this" {
  name             = "greeting"
  namespace        = "kennel"
  create_namespace = true
  chart            = "./chart"
  timeout          = 5
  values           = [yamlencode({ greeting = "woof" }), yamlencode({ greeting = var.greeting })]

  set = [{ name = "image", value = var.image }]

  set_sensitive = [{ name = "secret", value = random_password.this.result }]
}

output "metadata" {
  value = helm_release.this.metadata
}

output "secret" {
  value     = random_password.this.result
  sensitive = true
}
"""


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts(wheels.used(EXAMPLE) | {"helm_release", "data.google_client_config"})


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture
def around(running: Cluster, made: Parts) -> Iterator[Cloud]:
    with cloud(running, made=made) as found, running.network():
        yield found


@pytest.fixture
def workspace(around: Cloud, tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, around.environ)


def container(around: Cloud) -> ClusterManagerClient:
    """Google's own library, as the account that runs Terraform."""
    key = around.environ["GOOGLE_APPLICATION_CREDENTIALS"]
    known = service_account.Credentials.from_service_account_file(key)
    endpoint = around.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"].rstrip("/")
    return ClusterManagerClient(
        credentials=known, transport="rest", client_options=ClientOptions(api_endpoint=endpoint)
    )


def asked(around: Cloud, path: str) -> Any:
    """The answer of an API of Google's."""
    account = around.google.account("provisioner")
    token = around.google.accounts.give(account.email)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{around.google.url}/{path}", headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()


def test_a_cluster_that_terraform_made_is_the_real_one(around: Cloud, workspace: Workspace) -> None:
    workspace.write((EXAMPLE / "main.tf").read_text())
    workspace.init()
    workspace.apply()
    (found,) = container(around).list_clusters(parent=CLUSTERS.removesuffix("/clusters")).clusters
    assert (found.name, found.status.name) == ("dogs", "RUNNING")
    assert found.resource_labels["environment"] == "dev"
    assert workspace.outputs() == {
        "endpoint": found.endpoint,
        "authority": found.master_auth.cluster_ca_certificate,
    }
    assert workspace.plan() == {}
    names = around.cluster.kubectl("get", "nodes", f"--server=https://{found.endpoint}", "-oname")
    assert "node-1" in names
    kept_by_what_runs_in_it(around, workspace)
    workspace.destroy()
    assert list(around.google.resources) == []
    assert not container(around).list_clusters(parent=CLUSTERS.removesuffix("/clusters")).clusters


def kept_by_what_runs_in_it(around: Cloud, workspace: Workspace) -> None:
    """Load balancers and disks are there as long as the services and volumes that they are for."""
    service = balanced("web", namespace="default")
    around.cluster.apply(service, claim("data", namespace="default"))
    rules = f"compute/v1/projects/{PROJECT}/aggregated/forwardingRules"
    eventually(lambda: "IPAddress" in str(asked(around, rules)))
    (rule,) = asked(around, rules)["items"]["regions/europe-west1"]["forwardingRules"]
    assert json.loads(rule["description"]) == {"kubernetes.io/service-name": "default/web"}
    assert rule["labels"]["goog-k8s-cluster-name"] == "dogs"
    complaint = workspace.fails("destroy", "-auto-approve", "-no-color")
    assert "already being used by" in complaint
    assert "k8s-fw-a" in complaint
    # The cluster went before its network, and what was made for it stays for ever.
    around.cluster.kubectl("delete", "service/web", "pvc/data", "--namespace=default")
    assert asked(around, rules)["items"]
    around.google.resources.left.clear()
    assert asked(around, rules)["items"] == {}


def write_chart(folder: Path, version: str = "1.0.0") -> None:
    """A chart of a few objects."""
    for name, text in CHART.items():
        path = folder / "chart" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("VERSION", version))


def told(around: Cloud, kind: str, key: str) -> str:
    """What the release put into the cluster."""
    where = ("--namespace=kennel", f"--output=jsonpath={{.data.{key}}}")
    return around.cluster.kubectl("get", kind, "greeting", *where)


def test_a_release_by_terraform(around: Cloud, workspace: Workspace) -> None:
    write_chart(workspace.folder)
    workspace.write(RELEASE)
    workspace.init()
    config = f"-var=kubeconfig={around.cluster.kubeconfig}"
    printed = workspace.apply(config)
    found = workspace.outputs()
    assert found["secret"] not in printed
    assert told(around, "configmap", "greeting") == "bark"
    assert found["metadata"]["revision"] == 1
    assert found["metadata"]["app_version"] == "7"
    values = json.loads(found["metadata"]["values"])
    assert values == {"greeting": "bark", "image": "", "secret": "(sensitive value)"}
    assert workspace.plan(config) == {}
    name = "helm_release.this"
    assert workspace.plan(config, "-var=greeting=wuff") == {name: ["update"]}
    workspace.apply(config, "-var=greeting=wuff")
    assert told(around, "configmap", "greeting") == "wuff"
    write_chart(workspace.folder, "1.1.0")
    assert workspace.plan(config, "-var=greeting=wuff") == {name: ["update"]}
    around.cluster.run("helm", "uninstall", "greeting", "--namespace=kennel")
    assert workspace.plan(config) == {name: ["create"]}
    workspace.apply(config)
    workspace.do("destroy", "-auto-approve", "-no-color", config)
    listed = around.cluster.run("helm", "list", "--namespace=kennel", "--all", "--short")
    assert listed == ""


def test_a_release_that_fails_is_made_anew(around: Cloud, workspace: Workspace) -> None:
    write_chart(workspace.folder)
    workspace.write(RELEASE)
    workspace.init()
    config = f"-var=kubeconfig={around.cluster.kubeconfig}"
    complaint = workspace.refuses(config, "-var=image=127.0.0.1:9/nothing:1")
    assert "installation failed" in complaint
    assert workspace.plan(config) == {"helm_release.this": ["delete", "create"]}
    workspace.do("destroy", "-auto-approve", "-no-color", config)


def test_a_release_in_a_cluster_of_the_same_configuration(
    around: Cloud, workspace: Workspace
) -> None:
    around.google.resources.services.add("container")
    write_chart(workspace.folder)
    workspace.write("""
provider "google" {
  project = "dog-project"
  region  = "europe-west1"
}

data "google_client_config" "this" {}

resource "google_container_cluster" "this" {
  name                = "dogs"
  initial_node_count  = 1
  deletion_protection = false
}

provider "helm" {
  kubernetes = {
    host                   = "https://${google_container_cluster.this.endpoint}"
    token                  = data.google_client_config.this.access_token
    cluster_ca_certificate = base64decode(google_container_cluster.this.master_auth[0].cluster_ca_certificate)
  }
}

resource "helm_release" "this" {
  name             = "greeting"
  namespace        = "kennel"
  create_namespace = true
  chart            = "./chart"
}
""")
    workspace.init()
    workspace.apply()
    assert told(around, "configmap", "greeting") == "hello"
    assert around.google.reviewed
    workspace.destroy()
    assert around.google.gke.clusters == []


def test_a_context_that_is_not_there(around: Cloud, workspace: Workspace) -> None:
    write_chart(workspace.folder)
    workspace.write(RELEASE.replace('"testbed"', '"minikube"'))
    workspace.init()
    complaint = workspace.refuses(f"-var=kubeconfig={around.cluster.kubeconfig}")
    assert 'context "minikube" does not exist' in complaint


def test_aws_is_in_the_network_of_the_cluster(around: Cloud) -> None:
    make = "import boto3; boto3.client('sqs').create_queue(QueueName='dogs')"
    with around.cluster.network():
        subprocess.run([sys.executable, "-c", make], env=around.environ, check=True)
    assert around.aws.client("sqs").list_queues()["QueueUrls"]
