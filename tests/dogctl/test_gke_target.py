"""A cluster at Google, whose API server takes the tokens that Google gives: nobody has gcloud."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dogctl.clouds import kubernetes as api
from dogctl.config.load import load
from dogctl.errors import DogctlError
from dogctl.lifecycle import cluster as clusters
from dogctl.secrets import Secret
from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.google.machine import be_a_machine
from tests.testbed.google.serving import CLUSTER, LOCATION, PROJECT, Google
from tests.testbed.google.serving import google as google_cloud

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture
def cloud(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """A Google, with the programs of the cluster on the PATH."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", running.environ["PATH"])
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with google_cloud(running) as found, running.network():
        yield found


class Connected:
    """The cluster as dogctl knows it, and the secrets that it was told."""

    def __init__(self, root: Path, cloud: Google, **environ: str) -> None:
        (root / "pyproject.toml").write_text(
            '[tool.dogctl]\nname = "dog"\n[tool.dogctl.env.prod]\ntarget = "gke"\n'
            f'project-id = "{PROJECT}"\nregion = "{LOCATION}"\ncluster = "{CLUSTER}"\n'
        )
        given = {**os.environ, **cloud.environ, **environ}
        project = load(folder=root, environment="prod", environ=given)
        self.heard: list[Secret] = []
        self.cluster = clusters.connect(project, remember=self.heard.append, environ=given)


def test_a_key_is_enough_for_the_api_and_for_helm(cloud: Google, tmp_path: Path) -> None:
    key = cloud.key(cloud.account("releaser"))
    found = Connected(tmp_path, cloud, GCP_CREDENTIALS=key)
    assert found.cluster.kubernetes.get(api.NAMESPACES, "kube-system")
    with pytest.raises(DogctlError, match="not found"):
        found.cluster.helm.uninstall("nothing")
    assert len(cloud.asked) == 1
    assert len(set(found.heard)) == 1


def test_a_token_that_was_revoked_is_replaced(cloud: Google, tmp_path: Path) -> None:
    key = cloud.key(cloud.account("releaser"))
    found = Connected(tmp_path, cloud, GCP_SA_KEY=key)
    assert found.cluster.kubernetes.get(api.NAMESPACES, "default")
    cloud.accounts.revoke()

    def replaced() -> bool:
        assert found.cluster.kubernetes.get(api.NAMESPACES, "default")
        return len(set(found.heard)) == 2

    eventually(replaced)
    assert len(cloud.asked) == 1


def test_the_machine_may_have_an_account(
    cloud: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.machine = cloud.account("builder")
    be_a_machine(cloud, monkeypatch)
    found = Connected(tmp_path, cloud)
    assert found.cluster.kubernetes.get(api.NAMESPACES, "default")


def test_a_role_in_the_cluster_is_that_of_the_account(cloud: Google, tmp_path: Path) -> None:
    viewer = cloud.account("viewer", role="view")
    found = Connected(tmp_path, cloud, GCP_CREDENTIALS=cloud.key(viewer))
    with pytest.raises(DogctlError, match=viewer.email) as caught:
        found.cluster.kubernetes.create(api.NAMESPACES, {"metadata": {"name": "mine"}})
    assert caught.value.code == "cluster-forbidden"


def test_a_cluster_that_google_works_on_is_told_as_that(cloud: Google, tmp_path: Path) -> None:
    key = cloud.key(cloud.account("releaser"))
    found = Connected(tmp_path, cloud, GCP_CREDENTIALS=key)
    (known,) = cloud.gke.clusters
    # Nothing answers there.
    known.endpoint, known.status = "127.0.0.1:9", "RECONCILING"
    with pytest.raises(DogctlError, match="while Google works on it") as caught:
        found.cluster.kubernetes.get(api.NAMESPACES, "default")
    assert caught.value.code == "gke-not-running"
