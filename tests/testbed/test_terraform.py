"""Real Terraform with the stand-ins of its providers, of which none needs a cluster here."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.testbed.google.serving import PROJECT, Google, google_alone
from tests.testbed.terraform import wheels
from tests.testbed.terraform.plugins import Parts, Plugins, parts, terraform_plugins
from tests.testbed.terraform.workspace import Workspace

pytestmark = pytest.mark.real

EXAMPLE = Path(__file__).parent / "terraform/examples/project"
NETWORK = """
provider "google" {
  project = "dog-project"
  region  = "europe-west1"
}

resource "google_compute_network" "this" {
  name = "dogs"
}
"""
CLUSTER = """
provider "google" {
  project = "dog-project"
}

variable "protected" {
  default = false
}

variable "location" {
  default = "europe-west1"
}

resource "google_container_cluster" "this" {
  name                = "dogs"
  location            = var.location
  initial_node_count  = 1
  deletion_protection = var.protected
  resource_labels     = { environment = "dev" }
}
"""
INSTANCE = """
provider "google" {
  project = "dog-project"
  region  = "europe-west1"
}

resource "google_sql_database_instance" "this" {
  name                = "dogs"
  database_version    = "MYSQL_8_4"
  deletion_protection = false

  settings {
    tier = "db-f1-micro"
  }
}
"""


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts(wheels.used(EXAMPLE) | {"google_service_account_key"})


@pytest.fixture(scope="module")
def plugins(made: Parts) -> Iterator[Plugins]:
    with terraform_plugins(made=made) as found:
        yield found


@pytest.fixture
def cloud() -> Iterator[Google]:
    with google_alone() as found:
        yield found


@pytest.fixture
def workspace(plugins: Plugins, cloud: Google, tmp_path: Path) -> Workspace:
    """An empty folder, and a Google where all APIs are used that are needed."""
    cloud.resources.services |= {"compute", "container", "sqladmin"}
    key = str(cloud.key_file(cloud.account("provisioner")))
    environ = {**plugins.environ, **cloud.environ, "GOOGLE_APPLICATION_CREDENTIALS": key}
    return Workspace(tmp_path, environ)


def listed(cloud: Google, path: str) -> Any:
    """What an API lists, asked with a token."""
    token = cloud.accounts.give(cloud.account("reader").email)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{cloud.url}/{path}", headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()


def remaining(cloud: Google) -> list[str]:
    """The names of all that is labelled as the example's, as the APIs list them."""
    wanted = "filter=labels.environment=dev"
    at = f"projects/{PROJECT}"
    found = []
    for kind in ("addresses", "forwardingRules", "disks"):
        items = listed(cloud, f"compute/v1/{at}/aggregated/{kind}?{wanted}")["items"]
        found += [each["name"] for place in items.values() for each in place[kind]]
    sql = "filter=settings.userLabels.environment:dev"
    for path, key in (
        (f"sql/v1beta4/{at}/instances?{sql}", "items"),
        (f"storage/v1/b?project={PROJECT}&{wanted}", "items"),
        (f"v1/{at}/locations/-/repositories", "repositories"),
        (f"v1/{at}/secrets?{wanted}", "secrets"),
        (f"v1/{at}/locations/-/clusters", "clusters"),
    ):
        found += [each["name"].rpartition("/")[2] for each in listed(cloud, path)[key]]
    return sorted(found)


def test_everything_of_a_project_comes_and_goes(workspace: Workspace, cloud: Google) -> None:
    cloud.resources.services -= {"compute", "container", "sqladmin"}
    workspace.write((EXAMPLE / "main.tf").read_text())
    workspace.init()
    assert "The configuration is valid" in workspace.do("validate", "-no-color")
    workspace.apply()
    (cluster,) = cloud.gke.clusters
    assert (cluster.name, cluster.status) == ("dogs", "RUNNING")
    assert cluster.labels["environment"] == "dev"
    outputs = workspace.outputs()
    assert outputs["endpoint"] == cluster.endpoint
    assert base64.b64decode(outputs["authority"]) == cluster.authority
    assert workspace.plan() == {}
    names = remaining(cloud)
    assert [name for name in names if not name.startswith("dogs-0")] == names
    for name in ("dogs", "dogs-peering", "dogs-db", "dog-project-charts"):
        assert name in names
    workspace.destroy()
    assert list(cloud.resources) == []
    assert remaining(cloud) == []


def test_the_words_of_terraform_itself(workspace: Workspace) -> None:
    workspace.write('resource "google_compute_network" "this" { nam = "dogs" }')
    workspace.init()
    complaint = workspace.fails("validate", "-no-color")
    assert "Unsupported argument" in complaint
    assert 'Did you mean "name"?' in complaint


def test_a_configuration_is_tested_without_a_cloud(plugins: Plugins, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, plugins.environ)
    workspace.write(CLUSTER)
    (tmp_path / "cluster.tftest.hcl").write_text("""
mock_provider "google" {}

run "labels" {
  command = plan

  assert {
    condition     = google_container_cluster.this.resource_labels.environment == "dev"
    error_message = "no label"
  }
}
""")
    workspace.init()
    assert "1 passed, 0 failed" in workspace.do("test", "-no-color")


def test_what_is_protected_is_not_destroyed(workspace: Workspace, cloud: Google) -> None:
    workspace.write(CLUSTER)
    workspace.init()
    workspace.apply("-var=protected=true")
    complaint = workspace.fails("destroy", "-auto-approve", "-no-color")
    assert "Cannot destroy cluster because deletion_protection is set to true." in complaint
    assert len(cloud.gke.clusters) == 1


def test_changes_and_what_cannot_be_changed(workspace: Workspace, cloud: Google) -> None:
    workspace.write(CLUSTER)
    workspace.init()
    workspace.apply()
    name = "google_container_cluster.this"
    assert workspace.plan("-var=protected=true") == {name: ["update"]}
    assert workspace.plan("-var=location=us-east1") == {name: ["delete", "create"]}
    (known,) = cloud.resources.all("google_container_cluster")
    known["effective_labels"] = known["resource_labels"] = {"environment": "prod"}
    assert workspace.plan() == {name: ["update"]}
    workspace.apply()
    assert cloud.gke.clusters[0].labels["environment"] == "dev"
    cloud.resources.remove("google_container_cluster", known["id"])
    assert workspace.plan() == {name: ["create"]}


def test_a_network_is_kept_by_what_is_in_it(workspace: Workspace, cloud: Google) -> None:
    workspace.write(NETWORK)
    workspace.init()
    workspace.apply()
    network = f"projects/{PROJECT}/global/networks/dogs"
    rule = f"projects/{PROJECT}/global/firewalls/k8s-fw-a1"
    cloud.resources.left[rule] = {"network": network}
    complaint = workspace.fails("destroy", "-auto-approve", "-no-color")
    words = f"The network resource '{network}' is already being used by '{rule}'"
    assert words in complaint
    token = cloud.accounts.give(cloud.account("cleaner").email)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.delete(f"{cloud.url}/compute/v1/{rule}", headers=headers, timeout=10).ok
    workspace.destroy()


def test_the_name_of_a_database_is_used_once(workspace: Workspace) -> None:
    workspace.write(INSTANCE)
    workspace.init()
    workspace.apply()
    workspace.destroy()
    complaint = workspace.refuses()
    assert "Error, failed to create instance dogs: googleapi: Error 409" in complaint
    assert "one week from the deletion date., instanceAlreadyExists" in complaint


def test_a_bucket_is_kept_by_what_is_in_it(workspace: Workspace, cloud: Google) -> None:
    bucket = """
provider "google" {
  project = "dog-project"
}

variable "force" {
  default = false
}

resource "google_storage_bucket" "this" {
  name          = "dog-charts"
  location      = "EU"
  force_destroy = var.force
}
"""
    workspace.write(bucket)
    workspace.init()
    workspace.apply()
    token = cloud.accounts.give(cloud.account("writer").email)["access_token"]
    upload = requests.post(
        f"{cloud.url}/upload/storage/v1/b/dog-charts/o?uploadType=media&name=index.yaml",
        b"entries: {}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert upload.json()["generation"]
    complaint = workspace.fails("destroy", "-auto-approve", "-no-color")
    words = "Error trying to delete bucket dog-charts containing objects without `force_destroy`"
    assert words in complaint
    workspace.apply("-var=force=true")
    workspace.destroy()
    assert cloud.storage.objects == {}


def test_values_of_chance(plugins: Plugins, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, plugins.environ)
    workspace.write("""
variable "generation" {
  default = "1"
}

resource "random_password" "this" {
  length           = 24
  min_upper        = 3
  override_special = "-_"
  keepers          = { generation = var.generation }
}

resource "random_id" "this" {
  byte_length = 4
}

output "password" {
  value     = random_password.this.result
  sensitive = true
}

output "id" {
  value = random_id.this.hex
}
""")
    workspace.init()
    printed = workspace.apply()
    found = workspace.outputs()
    assert found["password"] not in printed
    assert len(found["password"]) == 24
    assert sum(letter.isupper() for letter in found["password"]) >= 3
    assert all(letter.isalnum() or letter in "-_" for letter in found["password"])
    assert len(bytes.fromhex(found["id"])) == 4
    assert workspace.plan() == {}
    assert workspace.plan("-var=generation=2") == {"random_password.this": ["delete", "create"]}


def test_a_key_that_terraform_makes_is_good(workspace: Workspace, cloud: Google) -> None:
    cloud.resources.services.add("iam")
    workspace.write("""
provider "google" {
  project = "dog-project"
}

resource "google_service_account" "this" {
  account_id = "releaser"
}

resource "google_service_account_key" "this" {
  service_account_id = google_service_account.this.name
}

output "key" {
  value     = google_service_account_key.this.private_key
  sensitive = true
}
""")
    workspace.init()
    workspace.apply()
    key = json.loads(base64.b64decode(workspace.outputs()["key"]))
    assert key["client_email"] == f"releaser@{PROJECT}.iam.gserviceaccount.com"
    assert key["token_uri"] == f"{cloud.url}/token"
    assert workspace.plan() == {}
