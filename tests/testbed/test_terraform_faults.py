"""What goes wrong at Google while real Terraform is at work there, and Terraform's own end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.eventually import eventually
from tests.testbed.google import answers, faults
from tests.testbed.google.faults import Fault
from tests.testbed.google.serving import PROJECT, Google, google_alone
from tests.testbed.terraform.plugins import Plugins, parts, terraform_plugins
from tests.testbed.terraform.workspace import QUIET, Workspace

pytestmark = pytest.mark.real

TYPES = ("google_compute_network", "google_container_cluster")
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
  region  = "europe-west1"
}

resource "google_container_cluster" "this" {
  name                = "dogs"
  initial_node_count  = 1
  deletion_protection = false
}
"""


@pytest.fixture(scope="module")
def plugins() -> Iterator[Plugins]:
    with terraform_plugins(made=parts(TYPES)) as found:
        yield found


@pytest.fixture
def cloud() -> Iterator[Google]:
    with google_alone() as found:
        yield found


@pytest.fixture
def workspace(plugins: Plugins, cloud: Google, tmp_path: Path) -> Workspace:
    """An empty folder, and a Google where all APIs are used that are needed."""
    cloud.resources.services |= {"compute", "container"}
    key = str(cloud.key_file(cloud.account("provisioner")))
    environ = {**plugins.environ, **cloud.environ, "GOOGLE_APPLICATION_CREDENTIALS": key}
    return Workspace(tmp_path, environ)


def test_without_credentials(plugins: Plugins, cloud: Google, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, {**plugins.environ, **cloud.environ})
    workspace.write(NETWORK)
    workspace.init()
    assert "gcloud auth application-default login" in workspace.refuses()


REFUSALS = {
    "quota": (
        faults.quota(),
        "googleapi: Error 403: Quota 'NETWORKS' exceeded. Limit: 5.0 globally., quotaExceeded",
    ),
    "permission": (
        answers.denied("compute.networks.create", f"projects/{PROJECT}/global/networks/dogs"),
        'googleapi: Error 403: Required "compute.networks.create" permission(s) for',
    ),
    "unavailable": (answers.unavailable(), "googleapi: Error 503: The service is currently"),
    "cut": (faults.CUT, '?alt=json": EOF'),
}


@pytest.mark.parametrize("refusal", sorted(REFUSALS))
def test_refusals_are_in_the_words_of_google(
    workspace: Workspace, cloud: Google, refusal: str
) -> None:
    answer, words = REFUSALS[refusal]
    workspace.write(NETWORK)
    workspace.init()
    cloud.resources.faults.append(Fault("google_compute_network", "create", answer, times=9))
    complaint = workspace.refuses()
    assert f"Error: Error creating Network: {words}" in complaint or words in complaint
    assert list(cloud.resources) == []
    cloud.resources.faults.clear()
    workspace.apply()


def test_a_bad_moment_is_over_before_anybody_hears_of_it(
    workspace: Workspace, cloud: Google
) -> None:
    workspace.write(NETWORK)
    workspace.init()
    fault = Fault("google_compute_network", "create", answers.unavailable())
    cloud.resources.faults.append(fault)
    workspace.apply()
    assert fault.times == 0


def test_an_api_that_is_not_used(workspace: Workspace, cloud: Google) -> None:
    cloud.resources.services.discard("compute")
    workspace.write(NETWORK)
    workspace.init()
    complaint = workspace.refuses()
    assert f"Compute Engine API has not been used in project {PROJECT} before" in complaint
    assert "SERVICE_DISABLED" in complaint
    token = cloud.accounts.give(cloud.account("reader").email)["access_token"]
    answer = requests.get(
        f"{cloud.url}/compute/v1/projects/{PROJECT}/aggregated/disks",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert answer.json()["error"]["details"][0]["reason"] == "SERVICE_DISABLED"


@pytest.mark.parametrize("status", ["ERROR", "PROVISIONING"])
def test_a_cluster_that_did_not_come_up_is_made_anew(
    workspace: Workspace, cloud: Google, status: str
) -> None:
    answer = {
        "ERROR": faults.operation_failed("only 0 nodes out of 3 have registered"),
        "PROVISIONING": faults.operation_slow(),
    }[status]
    workspace.write(CLUSTER)
    workspace.init()
    cloud.resources.faults.append(
        Fault("google_container_cluster", "create", answer, leaves=status)
    )
    assert "Error: Error waiting for creating GKE cluster: " in workspace.refuses()
    assert [known.status for known in cloud.gke.clusters] == [status]
    assert workspace.plan() == {"google_container_cluster.this": ["delete", "create"]}
    workspace.apply()
    assert [known.status for known in cloud.gke.clusters] == ["RUNNING"]


def test_what_was_made_when_the_connection_was_cut(workspace: Workspace, cloud: Google) -> None:
    workspace.write(CLUSTER)
    workspace.init()
    cut = Fault("google_container_cluster", "create", faults.CUT, leaves="RUNNING")
    cloud.resources.faults.append(cut)
    assert '?alt=json": EOF' in workspace.refuses()
    assert "Error 409: Already exists: projects/dog-project/locations/" in workspace.refuses()


def test_an_interrupt_waits_for_what_has_begun(workspace: Workspace, cloud: Google) -> None:
    workspace.write(NETWORK)
    workspace.init()
    cloud.resources.faults.append(Fault("google_compute_network", "create", seconds=2))
    process = workspace.creating()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert "Gracefully shutting down" in out
    assert "Creation complete" in out
    assert workspace.plan() == {}


def test_a_terraform_that_is_killed_leaves_what_it_had_begun(
    workspace: Workspace, cloud: Google
) -> None:
    workspace.write(NETWORK)
    workspace.init()
    slow = Fault("google_compute_network", "create", seconds=1)
    cloud.resources.faults.append(slow)
    process = workspace.creating()
    eventually(lambda: slow.times == 0)
    process.kill()
    process.communicate()
    eventually(lambda: list(cloud.resources) != [])
    complaint = workspace.refuses()
    assert "Error 409: The resource" in complaint
    assert "already exists, alreadyExists" in complaint
    name = f"projects/{PROJECT}/global/networks/dogs"
    workspace.do("import", *QUIET, "google_compute_network.this", name)
    assert workspace.plan() == {}
