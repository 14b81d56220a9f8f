"""`dogctl infra` at Google: real Terraform, its provider's stand-in, and the state in Cloud Storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.dogctl.conftest import Done, Project
from tests.testbed.google import faults
from tests.testbed.google.answers import Answer, denied, disabled
from tests.testbed.google.faults import CUT, Fault
from tests.testbed.google.serving import PROJECT, Google, google_alone
from tests.testbed.terraform.plugins import Plugins, parts, terraform_plugins

pytestmark = pytest.mark.real

BUCKET = "dog-state"
SETTINGS = f"""
[tool.dogctl]
name = "tiny"
infra = "tf"
project-id = "{PROJECT}"
region = "europe-west1-b"
cluster = "tiny-dev"

[tool.dogctl.env.dev]
target = "gke"
state = "gs://{BUCKET}/dogs"
"""
ROOT = """
terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}
variable "project_id" { type = string }
variable "name" { type = string }
variable "environment" { type = string }
variable "protected" {
  type    = bool
  default = false
}
provider "google" {
  project = var.project_id
  region  = "europe-west1"
  default_labels = {
    project     = var.name
    environment = var.environment
    managed-by  = "dogctl"
  }
}
resource "google_compute_network" "this" {
  name                    = "tiny"
  auto_create_subnetworks = false
}
resource "google_compute_subnetwork" "this" {
  name          = "tiny"
  network       = google_compute_network.this.id
  region        = "europe-west1"
  ip_cidr_range = "10.0.0.0/20"
}
resource "google_storage_bucket" "charts" {
  name     = "tiny-charts"
  location = "EU"
}
resource "google_sql_database_instance" "this" {
  name                = "tiny"
  database_version    = "MYSQL_8_4"
  region              = "europe-west1"
  deletion_protection = var.protected
  settings {
    tier        = "db-f1-micro"
    user_labels = { project = var.name, environment = var.environment, managed-by = "dogctl" }
  }
}
output "database" { value = google_sql_database_instance.this.connection_name }
"""
CLUSTER = """
resource "google_container_cluster" "this" {
  name                = "tiny-dev"
  location            = "europe-west1-b"
  network             = google_compute_network.this.id
  subnetwork          = google_compute_subnetwork.this.id
  initial_node_count  = 1
  deletion_protection = false
}
"""


@dataclass
class GoogleProject:
    """A project on the stand-in of Google Cloud."""

    project: Project
    google: Google
    plugins: Plugins

    def __post_init__(self) -> None:
        self.project.configure(SETTINGS)
        (self.project.root / "tf").mkdir()
        self.write("main.tf", ROOT)

    def write(self, name: str, text: str) -> None:
        (self.project.root / "tf" / name).write_text(text)

    def dogctl(self, *words: str) -> Done:
        account = self.google.account("provisioner")
        environ = {
            **self.plugins.environ,
            **self.google.environ,
            "GCP_CREDENTIALS": self.google.key(account),
        }
        return self.project.dogctl(*words, "--env", "dev", **environ)


@pytest.fixture(scope="module")
def plugins() -> Iterator[Plugins]:
    with terraform_plugins(made=parts()) as found:
        yield found


@pytest.fixture
def google() -> Iterator[Google]:
    with google_alone() as found:
        found.resources.services |= {"compute", "container", "sqladmin", "storage"}
        yield found


@pytest.fixture
def at_google(
    plugins: Plugins, google: Google, new_project: Callable[[], Project]
) -> GoogleProject:
    return GoogleProject(new_project(), google, plugins)


@pytest.fixture
def applied(at_google: GoogleProject) -> GoogleProject:
    """With everything there."""
    assert at_google.dogctl("infra", "bootstrap").code == 0
    done = at_google.dogctl("infra", "apply", "--yes")
    assert done.code == 0, done.err
    return at_google


def test_from_nothing_to_nothing(at_google: GoogleProject) -> None:
    refused = at_google.dogctl("infra", "plan", "--json")
    assert refused.json["error"]["code"] == "state-bucket-missing", refused.out
    made = at_google.dogctl("infra", "bootstrap", "--json")
    assert made.json["data"]["made"][0] == "bucket", made.out
    again = at_google.dogctl("infra", "bootstrap", "--json")
    assert again.json["data"]["made"] == []

    done = at_google.dogctl("infra", "apply", "--yes", "--json")
    assert done.code == 0, done.err
    assert done.json["data"]["outputs"] == {"database": f"{PROJECT}:europe-west1:tiny"}
    assert "nothing to do" in at_google.dogctl("infra", "apply").out
    assert at_google.google.storage.names(BUCKET) == ["dogs/tiny/dev/default.tfstate"]

    gone = at_google.dogctl("infra", "destroy", "--yes")
    assert (gone.code, gone.out) == (0, "nothing of dev is left\n"), gone.err
    assert "nothing to do" in at_google.dogctl("infra", "destroy").out


def test_what_is_protected_stays_and_so_does_everything_else(applied: GoogleProject) -> None:
    applied.write("dev.tfvars", "protected = true\n")
    assert applied.dogctl("infra", "apply", "--yes").code == 0
    applied.write("dev.tfvars", "protected = false\n")  # not applied yet
    before = len(applied.google.resources.calls)
    refused = applied.dogctl("infra", "destroy", "--yes", "--json")
    error = refused.json["error"]
    assert (refused.code, error["code"]) == (2, "infra-protected")
    assert error["detail"] == ["google_sql_database_instance.this: deletion_protection = true"]
    assert not any(verb == "delete" for verb, *_ in applied.google.resources.calls[before:])
    assert applied.dogctl("infra", "apply", "--yes").code == 0
    assert applied.dogctl("infra", "destroy", "--yes").code == 0


def test_what_is_gone_already_is_no_failure(applied: GoogleProject) -> None:
    applied.google.resources.remove("google_storage_bucket", "tiny-charts")
    planned = applied.dogctl("infra", "plan")
    assert "+ google_storage_bucket.charts" in planned.out
    assert applied.dogctl("infra", "destroy", "--yes").code == 0


def test_what_remains_is_told(applied: GoogleProject) -> None:
    labels = {"goog-k8s-cluster-name": "tiny-dev", "goog-k8s-cluster-location": "europe-west1-b"}
    place = f"projects/{PROJECT}/zones/europe-west1-b/disks/pvc-1"
    applied.google.resources.left[place] = {"effective_labels": labels}
    others = f"projects/{PROJECT}/zones/europe-west1-b/disks/pvc-2"
    applied.google.resources.left[others] = {"effective_labels": {"goog-k8s-cluster-name": "cats"}}
    left = applied.dogctl("infra", "destroy", "--yes", "--json")
    error = left.json["error"]
    assert (left.code, error["code"]) == (1, "infra-remains")
    assert error["detail"] == ["still there: disk pvc-1"]
    del applied.google.resources.left[place]
    again = applied.dogctl("infra", "destroy")
    assert "nothing to do" in again.out, again.err


def test_what_cannot_be_asked_is_not_proven(applied: GoogleProject) -> None:
    assert applied.dogctl("infra", "destroy", "--yes").code == 0
    answer = applied.google.ask

    def refusing(request: object, authorization: str) -> Answer:
        path: str = request.path  # type: ignore[attr-defined]
        if "/secrets" in path:
            return denied("secretmanager.secrets.list", path)
        return answer(request, authorization)  # type: ignore[arg-type]

    applied.google.ask = refusing  # type: ignore[method-assign]
    unproven = applied.dogctl("infra", "destroy", "--json")
    error = unproven.json["error"]
    assert (unproven.code, error["code"]) == (1, "infra-unproven")
    assert "secretmanager.secrets.list" in error["detail"][0]


def test_a_cluster_that_does_not_answer_is_not_destroyed_blindly(applied: GoogleProject) -> None:
    applied.write("cluster.tf", CLUSTER)
    assert applied.dogctl("infra", "apply", "--yes").code == 0
    stopped = applied.dogctl("infra", "destroy", "--yes", "--json")
    assert stopped.code == 1
    assert stopped.json["error"]["code"].startswith("gke-"), stopped.out
    assert applied.google.resources.all("google_container_cluster")

    applied.google.gke.clusters[0].status = "ERROR"  # it never came up, and has made nothing
    done = applied.dogctl("infra", "destroy", "--yes")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("google_compute_network", "create", faults.quota()), "cloud-quota"),
        (
            Fault(
                "google_sql_database_instance",
                "create",
                disabled(PROJECT, "sqladmin.googleapis.com"),
            ),
            "api-disabled",
        ),
        (
            Fault(
                "google_storage_bucket", "create", denied("storage.buckets.create", "tiny-charts")
            ),
            "cloud-forbidden",
        ),
        (Fault("google_sql_database_instance", "create", CUT), "cloud-unreachable"),
    ],
    ids=["quota", "disabled", "denied", "cut"],
)
def test_a_cloud_that_refuses_is_told_and_then_it_goes_on(
    at_google: GoogleProject, fault: Fault, code: str
) -> None:
    assert at_google.dogctl("infra", "bootstrap").code == 0
    at_google.google.resources.faults.append(fault)
    failed = at_google.dogctl("infra", "apply", "--yes", "--json")
    assert (failed.code, failed.json["error"]["code"]) == (1, code), failed.out
    again = at_google.dogctl("infra", "apply", "--yes")
    assert again.code == 0, again.err
    state = at_google.google.storage.objects[BUCKET, "dogs/tiny/dev/default.tfstate"]
    assert len(json.loads(state.content)["resources"]) == 4
