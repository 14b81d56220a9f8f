"""`dogctl deploy` with a real engine, registry and cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dogctl.tools.helm_storage import Status, with_status
from tests.dogctl.deploy_project import DeployProject
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


def test_one_command_from_the_source_to_pods_that_answer(here: Cluster, tmp_path: Path) -> None:
    project = DeployProject(tmp_path, here, "whole")
    first = project.deploy()
    assert first["changed"]
    assert first["pods"] == 2
    assert first["status"] == 200

    again = project.deploy()
    assert not again["changed"]
    assert again["image"] == first["image"]

    project.change()
    second = project.deploy()
    assert second["revision"] == 2
    assert second["image"] != first["image"]


def test_prod_gets_what_was_approved_and_nothing_else(here: Cluster, tmp_path: Path) -> None:
    project = DeployProject(tmp_path, here, "approved")
    refused = project.dogctl("deploy", "--env", "prod", "--yes")
    assert refused.code == 2
    assert "takes approved plans only" in refused.err
    assert "dogctl deploy --env prod --plan-out FILE" in refused.err

    output = tmp_path / ".dogctl" / "output"
    planned = project.deploy(
        "--plan-out", ".dogctl/plan.json", env="prod", GITHUB_OUTPUT=str(output)
    )
    assert output.read_text() == f"sha256={planned['sha256']}\n"
    assert "+ Deployment/approved" in planned["changes"]
    assert here.kubectl("get", "namespace", "approved-prod", "--ignore-not-found") == ""
    words = ("--approve", ".dogctl/plan.json", "--sha256", planned["sha256"])
    project.change()
    refused = project.dogctl("deploy", "--env", "prod", *words)
    assert refused.code == 2
    assert "the commit: approved" in refused.err

    project.git("checkout", "--quiet", "HEAD~1")
    done = project.deploy(*words, env="prod")
    assert done["image"] == planned["image"]
    assert not project.deploy(*words, env="prod")["changed"]


def test_what_changed_after_the_approval_is_told(here: Cluster, tmp_path: Path) -> None:
    project = DeployProject(tmp_path, here, "drifted")
    words = ("--plan-out", "plan.json", "--any-ref")
    (tmp_path / ".gitignore").write_text("plan.json\n.dogctl/\n")
    project.commit("ignore the plan")
    first = project.deploy(*words, env="prod")
    project.deploy("--approve", "plan.json", "--sha256", first["sha256"], env="prod")
    project.change()
    second = project.deploy(*words, env="prod")
    here.kubectl("scale", "deployment/drifted", "--replicas=3", "--namespace=drifted-prod")
    refused = project.dogctl(
        "deploy", "--env", "prod", "--approve", "plan.json", "--sha256", second["sha256"]
    )
    assert refused.code == 1
    assert "spec.replicas: 3 -> 2" in refused.err
    assert "--plan-out" in refused.err


def test_an_approval_is_not_good_for_going_back(here: Cluster, tmp_path: Path) -> None:
    project = DeployProject(tmp_path, here, "replayed")

    def approved(plan: str) -> tuple[str, ...]:
        planned = project.deploy("--plan-out", plan, env="prod")
        words = ("--approve", plan, "--sha256", planned["sha256"])
        project.deploy(*words, env="prod")
        return ("deploy", "--env", "prod", *words)

    first = approved(".dogctl/first.json")
    project.change()
    second = approved(".dogctl/second.json")
    assert project.dogctl("rollback", "--env", "prod", "--yes").code == 0
    # It was taken back since.
    refused = project.dogctl(*second)
    assert refused.code == 1
    assert "changed the release since this was approved: revision 3" in refused.err
    assert "dogctl history --env prod" in refused.err
    project.git("checkout", "--quiet", "HEAD~1")
    assert "revision 3" in project.dogctl(*first).err


def test_promotion_ships_the_very_digest(here: Cluster, tmp_path: Path) -> None:
    project = DeployProject(tmp_path, here, "promoted")
    words = ("--from-env", "dev", "--plan-out", ".dogctl/plan.json")
    refused = project.dogctl("deploy", "--env", "prod", *words)
    assert "not released in dev" in refused.err
    assert "Next:  dogctl deploy --env dev\n" in refused.err.replace("python -m dogctl", "dogctl")
    first = project.deploy()
    built_from = project.git("rev-parse", "HEAD").strip()
    project.change()

    planned = project.deploy(*words, env="prod")
    assert planned["image"] == first["image"]
    approved = ("--approve", ".dogctl/plan.json", "--sha256", planned["sha256"])
    assert project.deploy(*approved, env="prod")["image"] == first["image"]
    noted = ("get", "configmap", "dogctl-promoted", "--output=json", "--namespace=promoted-prod")
    record = json.loads(json.loads(here.kubectl(*noted))["data"]["revision.1"])
    assert (record["approval"], record["commit"]) == (planned["sha256"], built_from)

    project.kubectl("delete", "configmap", "dogctl-promoted")
    refused = project.dogctl("deploy", "--env", "prod", *words)
    assert "revision 1 in dev was not verified" in refused.err
    hint = ("release", "--env", "dev", "--image", first["image"])
    assert " ".join(hint) in refused.err
    assert project.dogctl(*hint).code == 0
    project.deploy(*words, env="prod")


HOOKS = """
[[tool.dogctl.hooks]]
before = "release"
job = ["python", "-c", "JOB"]

[[tool.dogctl.hooks]]
after = "release"
run = ["sh", "-c", "echo $DOGCTL_STAGE $DOGCTL_ENVIRONMENT $DOGCTL_IMAGE >> .dogctl/told"]
"""


def test_hooks_run_when_there_is_something_to_do(here: Cluster, tmp_path: Path) -> None:
    works = HOOKS.replace("JOB", "import os; print(os.environ['BEHAVIOUR'])")
    project = DeployProject(tmp_path, here, "hooked", works)
    first = project.deploy()
    told = tmp_path / ".dogctl/told"
    assert told.read_text() == f"release dev {first['image']}\n"
    (ran,) = project.kubectl("get", "jobs", "--output=name").split()
    assert project.kubectl("logs", ran) == "ok\n"
    project.deploy()
    assert len(told.read_text().splitlines()) == 1

    project.change()
    project.deploy()
    assert len(told.read_text().splitlines()) == 2
    assert len(project.kubectl("get", "jobs", "--output=name").split()) == 2


def test_jobs_of_a_release_that_was_killed_run_with_the_next_one(
    here: Cluster, tmp_path: Path
) -> None:
    works = HOOKS.replace("JOB", "print('migrated')")
    project = DeployProject(tmp_path, here, "halfway", works)
    project.deploy()
    for revision, status in ((1, Status.PENDING_INSTALL), (2, Status.PENDING_UPGRADE)):
        name = f"secret/sh.helm.release.v1.halfway.v{revision}"
        secret = json.loads(project.kubectl("get", name, "--output=json"))
        pending = tmp_path / ".dogctl/pending.json"
        pending.write_text(json.dumps(with_status(secret, status, "killed")))
        project.kubectl("replace", f"--filename={pending}")
        project.kubectl("delete", "jobs", "--all")
        if revision == 1:  # it was killed before it was seen to work
            key = "configmap/dogctl-halfway"
            noted = json.loads(project.kubectl("get", key, "--output=json"))["data"]["revision.1"]
            text = json.dumps({**json.loads(noted), "result": "pending"})
            patch = json.dumps({"data": {"revision.1": text}})
            project.kubectl("patch", key, "--type=merge", f"--patch={patch}")
        done = project.deploy()
        assert done["revision"] == revision + 1
        (ran,) = project.kubectl("get", "jobs", "--output=name").split()
        assert project.kubectl("logs", ran) == "migrated\n"


def test_a_job_that_fails_stops_the_release_before_it_begins(here: Cluster, tmp_path: Path) -> None:
    project = DeployProject(tmp_path, here, "stopped")
    project.deploy()
    fails = HOOKS.replace("JOB", "import sys; print('no such column'); sys.exit(3)")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write(fails)
    project.change()
    failed = project.dogctl("deploy", "--env", "dev")
    assert failed.code == 1
    assert "no such column" in failed.err
    assert "the release had not begun" in failed.err
    history = project.dogctl("history", "--env", "dev", "--json").json["data"]
    assert [each["revision"] for each in history["revisions"]] == [1]
