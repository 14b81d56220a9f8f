"""The stand-in for Google Cloud, used through Google's own libraries."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google.auth
import pytest
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import (
    Forbidden,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.cloud.container_v1 import ClusterManagerClient
from google.oauth2 import service_account

from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.google import answers
from tests.testbed.google.accounts import Account
from tests.testbed.google.machine import be_a_machine
from tests.testbed.google.serving import CLUSTER, LOCATION, PROJECT, Google
from tests.testbed.google.serving import google as google_cloud

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
PARENT = f"projects/{PROJECT}/locations/{LOCATION}"
NAME = f"{PARENT}/clusters/{CLUSTER}"


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture
def cloud(running: Cluster) -> Iterator[Google]:
    with google_cloud(running) as found, running.network():
        yield found


@pytest.fixture
def releaser(cloud: Google) -> Account:
    return cloud.account("releaser")


def credentials(cloud: Google, account: Account) -> Any:
    path = cloud.key_file(account)
    return service_account.Credentials.from_service_account_file(path, scopes=SCOPES)


def client(cloud: Google, credentials: Any) -> ClusterManagerClient:
    endpoint = cloud.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"].rstrip("/")
    options = ClientOptions(api_endpoint=endpoint)
    return ClusterManagerClient(credentials=credentials, transport="rest", client_options=options)


def write_kubeconfig(path: Path, found: Any, token: str) -> None:
    """As anybody makes it of what the API says and a token."""
    server = {
        "server": f"https://{found.endpoint}",
        "certificate-authority-data": found.master_auth.cluster_ca_certificate,
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "gke", "cluster": server}],
        "users": [{"name": "gke", "user": {"token": token}}],
        "contexts": [{"name": "gke", "context": {"cluster": "gke", "user": "gke"}}],
        "current-context": "gke",
    }
    path.write_text(json.dumps(config))


def test_what_the_api_says_leads_to_the_real_cluster(
    cloud: Google, releaser: Account, tmp_path: Path
) -> None:
    known = credentials(cloud, releaser)
    found = client(cloud, known).get_cluster(name=NAME)
    assert found.status.name == "RUNNING"
    assert b"BEGIN CERTIFICATE" in base64.b64decode(found.master_auth.cluster_ca_certificate)
    # The library signs its own tokens for the API, but the cluster takes none of these.
    assert cloud.accounts.given == []
    known.refresh(Request())
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, found, known.token)
    who = ("auth", "whoami", "--output=jsonpath={.status.userInfo.username}")
    assert cloud.cluster.kubectl(f"--kubeconfig={path}", *who) == releaser.email
    assert cloud.cluster.kubectl(f"--kubeconfig={path}", "get", "nodes", "--output=name")
    assert cloud.accounts.given == [releaser.email]
    assert cloud.reviewed
    assert cloud.asked == [(f"/v1/{NAME}", releaser.email)]


def test_a_token_that_has_ended_is_good_for_nothing(
    cloud: Google, releaser: Account, tmp_path: Path
) -> None:
    known = credentials(cloud, releaser)
    found = client(cloud, known).get_cluster(name=NAME)
    known.refresh(Request())
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, found, known.token)
    get = (f"--kubeconfig={path}", "get", "nodes")
    assert cloud.cluster.answers(*get)
    cloud.accounts.revoke()
    eventually(lambda: not cloud.cluster.answers(*get))
    known.refresh(Request())
    write_kubeconfig(path, found, known.token)
    assert cloud.cluster.answers(*get)
    cloud.accounts.lifetime = 0
    known.refresh(Request())
    write_kubeconfig(path, found, known.token)
    with pytest.raises(RuntimeError, match=r"Unauthorized|logged in"):
        cloud.cluster.kubectl(*get)
    assert len(cloud.accounts.given) == 3


def test_somebody_with_fewer_rights(cloud: Google, tmp_path: Path) -> None:
    viewer = cloud.account("viewer", role="view")
    known = credentials(cloud, viewer)
    known.refresh(Request())
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, client(cloud, known).get_cluster(name=NAME), known.token)
    assert cloud.cluster.answers(f"--kubeconfig={path}", "get", "pods")
    with pytest.raises(RuntimeError, match=r"cannot get resource .nodes"):
        cloud.cluster.kubectl(f"--kubeconfig={path}", "get", "nodes", "node-1")


def test_clusters_are_listed(cloud: Google, releaser: Account) -> None:
    asking = client(cloud, credentials(cloud, releaser))
    for parent in (PARENT, f"projects/{PROJECT}/locations/-"):
        (found,) = asking.list_clusters(parent=parent).clusters
        assert (found.name, found.location) == (CLUSTER, LOCATION)
    assert not asking.list_clusters(parent=f"projects/{PROJECT}/locations/us-east1").clusters


@pytest.mark.parametrize("status", ["PROVISIONING", "RECONCILING", "DEGRADED", "ERROR"])
def test_a_cluster_that_does_not_simply_run(cloud: Google, releaser: Account, status: str) -> None:
    (known,) = cloud.gke.clusters
    known.status = status
    found = client(cloud, credentials(cloud, releaser)).get_cluster(name=NAME)
    assert found.status.name == status
    assert bool(found.endpoint) is (status != "PROVISIONING")


def test_refusals(cloud: Google, releaser: Account) -> None:
    asking = client(cloud, credentials(cloud, releaser))
    with pytest.raises(NotFound, match="Not found: projects/dog-project/locations"):
        asking.get_cluster(name=f"{PARENT}/clusters/cats")
    for answer, kind, status in (
        (answers.disabled(PROJECT), Forbidden, "SERVICE_DISABLED"),
        (answers.too_many(PROJECT), TooManyRequests, "RATE_LIMIT_EXCEEDED"),
    ):
        cloud.next.append(answer)
        with pytest.raises(kind) as refused:
            asking.get_cluster(name=NAME)
        assert refused.value.reason == status
    cloud.next.append(answers.unavailable())
    assert asking.get_cluster(name=NAME).name == CLUSTER  # asked again by the library
    cloud.gke.strangers.add(releaser.email)
    with pytest.raises(Forbidden, match=r'Required "container\.clusters\.get" permission'):
        asking.get_cluster(name=NAME)


def test_a_key_that_nobody_knows(cloud: Google, releaser: Account) -> None:
    cloud.accounts.delete(releaser)
    known = credentials(cloud, releaser)
    with pytest.raises(Unauthorized):
        client(cloud, known).get_cluster(name=NAME)
    with pytest.raises(RefreshError, match="invalid_grant"):
        known.refresh(Request())


def test_a_machine_has_an_account(
    cloud: Google, releaser: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_a_machine(cloud, monkeypatch)
    cloud.machine = releaser
    found, project = google.auth.default(scopes=SCOPES)
    assert project == PROJECT
    assert client(cloud, found).get_cluster(name=NAME).name == CLUSTER
    assert cloud.accounts.given == [releaser.email]
