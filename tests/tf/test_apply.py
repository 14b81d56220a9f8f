"""An environment comes and goes, at a Google that answers as the real one does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.google.serving import PROJECT, Google, google_alone
from tests.testbed.terraform.plugins import Parts, parts, terraform_plugins
from tests.tf.terraform import Copy, copy

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

EVERYTHING = Path(__file__).parent / "everything.tfvars"
INSTANCE = "module.database[0].google_sql_database_instance.this"
CHANGES = 2
GIVEN = {
    "TF_VAR_name": "dogs",
    "TF_VAR_environment": "test",
    "TF_VAR_project_id": PROJECT,
    "TF_VAR_region": "europe-west1",
    "TF_VAR_namespace": "web",
    # What the root has no use for is passed, too.
    "TF_VAR_context": "elsewhere",
}


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts()


@pytest.fixture
def cloud() -> Iterator[Google]:
    with google_alone() as found:
        yield found


@pytest.fixture
def environ(made: Parts, cloud: Google) -> Iterator[Mapping[str, str]]:
    key = str(cloud.key_file(cloud.account("provisioner")))
    with terraform_plugins(made=made) as plugins:
        login = {"GOOGLE_APPLICATION_CREDENTIALS": key}
        yield {**plugins.environ, **cloud.environ, **login, **GIVEN}


@pytest.fixture
def gke(tmp_path: Path, environ: Mapping[str, str]) -> Copy:
    return copy("gke", tmp_path, environ)


def apply(root: Copy, *words: str) -> dict[str, Any]:
    """What it answers, applied."""
    root.do("apply", "-auto-approve", "-input=false", "-no-color", *words)
    outputs = json.loads(root.do("output", "-json"))
    return {name: output["value"] for name, output in outputs.items()}


def changes(root: Copy, *words: str) -> bool:
    """Whether another apply would change something."""
    done = root.run("plan", "-detailed-exitcode", "-input=false", "-no-color", *words)
    assert done.code in (0, CHANGES), done.said
    return done.code == CHANGES


def destroy(root: Copy, *words: str) -> tuple[int, str]:
    """How a destroy ends, and what it says."""
    done = root.run("destroy", "-auto-approve", "-input=false", "-no-color", *words)
    return done.code, " ".join(done.said.split())


def test_everything_comes_and_goes(gke: Copy, cloud: Google) -> None:
    unprotected = (f"-var-file={EVERYTHING}", "-var=deletion_protection=false")
    answers = apply(gke, *unprotected)
    (cluster,) = cloud.gke.clusters
    assert (cluster.name, cluster.location) == ("dogs-test", "europe-west1")
    assert answers["cluster_name"] == cluster.name
    assert answers["labels"].items() <= cluster.labels.items()
    assert answers["database_connection_name"].startswith(f"{PROJECT}:europe-west1:dogs-test-")
    assert json.loads(answers["service_account_key"])["client_email"] == answers["service_account"]
    assert not changes(gke, *unprotected)
    code, said = destroy(gke, *unprotected)
    assert code == 0, said
    assert not cloud.gke.clusters
    assert list(cloud.resources) == []


def test_what_is_protected_stays_until_it_is_said(gke: Copy, cloud: Google) -> None:
    protected = ("-var-file=prod.tfvars",)
    apply(gke, *protected)
    code, said = destroy(gke, *protected)
    assert code == 1
    assert "deletion_protection" in said
    assert [cluster.name for cluster in cloud.gke.clusters] == ["dogs-test"]
    unprotected = (*protected, "-var=deletion_protection=false")
    # Databases and users are in the instance still, and Terraform has forgotten them: to make
    # everything anew would fail.
    only = ("module.cluster.google_container_cluster.this", INSTANCE)
    gke.do("apply", "-auto-approve", "-no-color", *unprotected, *(f"-target={at}" for at in only))
    code, said = destroy(gke, *unprotected)
    assert code == 0, said


def test_a_switch_that_is_turned_takes_nothing_else_with_it(gke: Copy) -> None:
    before = apply(gke, "-var-file=cloudsql.tfvars")
    assert before["cluster_name"] == "hello-world-cluster"
    assert before["service_account"] == f"sql-access@{PROJECT}.iam.gserviceaccount.com"
    after = apply(gke, "-var-file=cloudsql.tfvars", "-var=charts={}", "-var=dns={}")
    assert after["charts_bucket"] == f"{PROJECT}-dogs-test-charts"
    kept = ("cluster_name", "database_connection_name", "database_password", "service_account_key")
    assert [after[name] for name in kept] == [before[name] for name in kept]
