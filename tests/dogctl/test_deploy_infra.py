"""`dogctl deploy` with infrastructure that real Terraform makes, and what the release has of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dogctl.deploy_project import DeployProject
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

# terraform_data is Terraform's own, and needs no provider.
ROOT = """
variable "name" { type = string }
variable "size" {
  type    = number
  default = 1
}
resource "terraform_data" "kennel" { input = "${var.name}-${var.size}" }
variable "bowls" {
  type    = number
  default = 0
}
resource "terraform_data" "bowl" { count = var.bowls }
output "kennel" { value = terraform_data.kennel.output }
output "bone" {
  value     = "buried-${terraform_data.kennel.output}"
  sensitive = true
}
"""
INFRA = """
[tool.dogctl.env.NAME]
infra = "tf/app"
state = "local"

[tool.dogctl.env.NAME.infra-values]
"env.KENNEL" = "kennel"

[tool.dogctl.env.NAME.infra-secrets]
DB_SECRET = "bone"
"""


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


def with_infra(root: Path, here: Cluster, name: str) -> DeployProject:
    project = DeployProject(root, here, name)
    settings = (root / "pyproject.toml").read_text()
    for environment in ("dev", "prod"):
        head = f"[tool.dogctl.env.{environment}]"
        own = INFRA.replace("NAME", environment).replace(head, "").strip()
        first, rest = own.split("\n\n", 1)
        settings = settings.replace(head, f"{head}\n{first}") + f"\n{rest}\n"
    project.configure(settings)
    folder = root / "tf/app"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(ROOT)
    project.commit("infrastructure")
    return project


def resize(project: DeployProject, size: int) -> None:
    path = project.root / "tf/app/main.tf"
    path.write_text(ROOT.replace("default = 1", f"default = {size}"))
    project.commit(f"size {size}")


def kennel(project: DeployProject) -> str:
    """What the newest pod has of it; those of the release before may be ending still."""
    running = ("get", "pods", "--field-selector=status.phase=Running", "--output=name")
    *_, pod = project.kubectl(*running, "--sort-by=.metadata.creationTimestamp").split()
    return project.kubectl("exec", pod, "--", "printenv", "KENNEL").strip()


def test_outputs_become_values_and_secrets(here: Cluster, tmp_path: Path) -> None:
    project = with_infra(tmp_path, here, "kennels")
    unsure = project.dogctl("deploy", "--env", "dev")
    assert unsure.code == 2
    assert "+ terraform_data.kennel" in unsure.err
    assert "dogctl deploy --env dev --yes" in unsure.err

    first = project.deploy("--yes")
    assert kennel(project) == "kennels-1"
    assert "buried-kennels-1" in project.kubectl("logs", "deployment/kennels")
    assert "buried-kennels-1" not in json.dumps(first)
    noted = project.kubectl("get", "configmap", "dogctl-kennels", "--output=json")
    assert json.loads(json.loads(noted)["data"]["revision.1"])["outputs"] == {"kennel": "kennels-1"}

    again = project.deploy()
    assert not again["changed"]
    # Without its infrastructure the release would lose what it has of it.
    assert not project.deploy("--skip", "infra")["changed"]
    released = project.dogctl("release", "--env", "dev", "--json")
    assert not released.json["data"]["changed"]

    said = project.dogctl("deploy", "--env", "dev", "--skip", "release")
    assert said.out.startswith("dev is up to date: nothing to do\n")
    # Infrastructure that the release has nothing of.
    said = project.dogctl("deploy", "--env", "dev", "--yes", TF_VAR_bowls="1")
    assert "nothing to do" not in said.out
    assert said.out.startswith("deployed to dev, where ")

    resize(project, 2)
    second = project.deploy("--yes")
    assert second["revision"] == 2
    assert kennel(project) == "kennels-2"


def test_terraforms_plan_is_approved_too(here: Cluster, tmp_path: Path) -> None:
    project = with_infra(tmp_path, here, "approvals")
    plan = tmp_path / ".dogctl/plan.json"
    planned = project.deploy("--plan-out", str(plan), env="prod")
    assert "+ terraform_data.kennel" in " ".join(planned["changes"])
    assert "buried" not in plan.read_text()
    words = ("--approve", str(plan), "--sha256", planned["sha256"])
    first = project.deploy(*words, env="prod")
    assert first["revision"] == 1
    assert not project.deploy(*words, env="prod")["changed"]

    resize(project, 2)
    planned = project.deploy("--plan-out", str(plan), env="prod")
    state = next((tmp_path / ".dogctl/infra-state").glob("*prod*"))
    text = state.read_text()
    state.write_text(text.replace("approvals-1", "approvals-0"))
    words = ("--approve", str(plan), "--sha256", planned["sha256"])
    refused = project.dogctl("deploy", "--env", "prod", *words)
    assert refused.code == 1
    assert "changed since this was approved" in refused.err


def test_what_was_left_out_of_an_approved_plan_stays_out(here: Cluster, tmp_path: Path) -> None:
    project = with_infra(tmp_path, here, "partial")
    plan = tmp_path / ".dogctl/plan.json"
    planned = project.deploy("--plan-out", str(plan), "--skip", "release", env="prod")
    words = ("--approve", str(plan), "--sha256", planned["sha256"], "--yes")
    project.deploy(*words, env="prod")
    assert here.kubectl("get", "namespace", "partial-prod", "--ignore-not-found") == ""

    planned = project.deploy("--plan-out", str(plan), "--skip", "infra", env="prod")
    words = ("--approve", str(plan), "--sha256", planned["sha256"], "--yes")
    both = project.dogctl("deploy", "--env", "prod", *words, "--skip", "release")
    assert "an approved plan says what is left out" in both.err
    steps = project.deploy(*words, env="prod")["steps"]
    assert not any(each["step"].startswith("infra") for each in steps)
    other = project.dogctl("deploy", "--env", "prod", *words, HELM_RELEASE_NAME="another")
    assert "where that is" in other.err


def test_what_is_only_planned_runs_no_hook_of_the_infrastructure(
    here: Cluster, tmp_path: Path
) -> None:
    project = with_infra(tmp_path, here, "hookless")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write('[[tool.dogctl.hooks]]\nbefore = "infra"\nrun = ["touch", ".dogctl/told"]\n')
    project.commit("a hook")
    plan = str(tmp_path / ".dogctl/plan.json")
    planned = project.deploy("--plan-out", plan, env="prod")
    assert not (tmp_path / ".dogctl/told").exists()
    project.deploy("--approve", plan, "--sha256", planned["sha256"], env="prod")
    assert (tmp_path / ".dogctl/told").exists()
