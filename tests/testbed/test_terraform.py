"""Real Terraform with the stand-ins of its providers, and state in S3: none needs a cluster."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.aws import REGION, Aws, aws
from tests.testbed.google.serving import Google, google_alone
from tests.testbed.terraform import wheels
from tests.testbed.terraform.plugins import Parts, Plugins, parts, terraform_plugins

pytestmark = pytest.mark.real

PROJECT = Path(__file__).parent / "terraform/examples/project"


@dataclass(frozen=True)
class Done:
    """A finished Terraform."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Workspace:
    """A folder with a configuration, and what Terraform needs in its environment."""

    folder: Path
    environ: Mapping[str, str]

    def command(self, *words: str) -> list[str]:
        return ["terraform", f"-chdir={self.folder}", *words, "-no-color"]

    def run(self, *words: str) -> Done:
        done = subprocess.run(
            self.command(*words),
            env={**os.environ, **self.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def do(self, *words: str) -> str:
        done = self.run(*words)
        assert done.code == 0, done.err
        return done.out

    def fails(self, *words: str) -> str:
        """What it complains of, on one line without its frame."""
        done = self.run(*words)
        assert done.code == 1, done.out
        return " ".join(done.err.split())

    def outputs(self) -> dict[str, Any]:
        found = json.loads(self.do("output", "-json"))
        return {name: each["value"] for name, each in found.items()}


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts(wheels.used(PROJECT))


@pytest.fixture(scope="module")
def plugins(made: Parts) -> Iterator[Plugins]:
    with terraform_plugins(made=made) as found:
        yield found


@pytest.fixture
def cloud() -> Iterator[Google]:
    with google_alone() as found:
        yield found


@pytest.fixture(scope="module")
def amazon() -> Iterator[Aws]:
    with aws() as found:
        found.client("s3").create_bucket(
            Bucket="state", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        found.client("dynamodb").create_table(
            TableName="locks",
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield found


@pytest.fixture
def project(plugins: Plugins, cloud: Google, tmp_path: Path) -> Workspace:
    """A configuration of everything that runs a release at Google, initialized."""
    (tmp_path / "main.tf").write_text((PROJECT / "main.tf").read_text())
    key = str(cloud.key_file(cloud.account("provisioner")))
    environ = {**plugins.environ, **cloud.environ, "GOOGLE_APPLICATION_CREDENTIALS": key}
    found = Workspace(tmp_path, environ)
    found.do("init", "-input=false")
    return found


APPLY = ("apply", "-auto-approve", "-input=false")


def test_everything_of_a_project_comes_and_goes(project: Workspace, cloud: Google) -> None:
    assert "The configuration is valid" in project.do("validate")
    project.do(*APPLY)
    (cluster,) = cloud.gke.clusters
    assert (cluster.name, cluster.status) == ("dogs", "RUNNING")
    assert cluster.labels["environment"] == "dev"
    assert project.outputs()["authority"]
    assert "No changes" in project.do("plan", "-detailed-exitcode", "-input=false")
    project.do("destroy", "-auto-approve", "-input=false")
    assert list(cloud.resources) == []
    assert cloud.gke.clusters == []


@pytest.mark.parametrize("lock", ["use_lockfile = true", 'dynamodb_table = "locks"'])
def test_state_is_kept_in_s3(plugins: Plugins, amazon: Aws, tmp_path: Path, lock: str) -> None:
    name = lock.partition(" ")[0]
    (tmp_path / "main.tf").write_text(f"""
terraform {{
  backend "s3" {{
    bucket         = "state"
    key            = "{name}.tfstate"
    region         = "{REGION}"
    encrypt        = true
    use_path_style = true
    {lock}
  }}
}}

resource "random_id" "this" {{
  byte_length = 4
}}
""")
    workspace = Workspace(tmp_path, {**plugins.environ, **amazon.environ})
    workspace.do("init", "-input=false")
    workspace.do(*APPLY)
    assert "No changes" in workspace.do("plan", "-detailed-exitcode", "-input=false")
    state = amazon.client("s3").get_object(Bucket="state", Key=f"{name}.tfstate")
    assert json.load(state["Body"])["resources"][0]["type"] == "random_id"
