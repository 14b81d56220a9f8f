"""From nothing to a page and back to nothing, on infrastructure of its own at Google."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart.visitors import visit
from tests.dogctl.cloud_project import CloudApp, CloudProject
from tests.dogctl.live_project import NAME, push_mysql
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.terraform.cloud import Cloud, cloud
from tests.testbed.terraform.plugins import parts

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def here() -> Iterator[Cloud]:
    made = parts()
    with own_engine() as engine, cluster(engine) as found, cloud(found, made=made) as around:
        push_mysql(found)
        yield around


def test_from_nothing_to_a_page_and_back_to_nothing(here: Cloud, tmp_path: Path) -> None:
    project = CloudApp(tmp_path, here)
    project.answer("infra", "bootstrap", "--env", "dev")
    first = project.answer("deploy", "--env", "dev", "--yes")
    assert (first["pods"], first["status"]) == (1, 200)
    seen = visit(here.cluster, f"http://{address(here.cluster, 'dev')}/", 20)
    assert sorted(seen.numbers) == [*range(1, 21)]
    assert not project.answer("deploy", "--env", "dev")["changed"]

    refused = project.dogctl("deploy", "--env", "prod", "--yes", "--any-ref")
    assert "takes approved plans only" in refused.err
    plan = str(tmp_path / ".dogctl/plan.json")
    planned = project.answer("deploy", "--env", "prod", "--from-env", "dev", "--plan-out", plan)
    assert planned["image"] == first["image"]
    words = ("deploy", "--env", "prod", "--approve", plan, "--sha256", planned["sha256"])
    assert project.answer(*words)["image"] == first["image"]
    seen = visit(here.cluster, f"http://{address(here.cluster, 'prod')}/", 3)
    assert sorted(seen.numbers) == [1, 2, 3]

    project.answer("destroy", "--env", "dev", "--yes", "--no-backup")
    assert not project.answer("destroy", "--env", "dev", "--yes")["changed"]
    assert not [key for key in here.google.resources if "dev" in key[1]]


def test_killed_after_every_step_it_converges(here: Cloud, tmp_path: Path) -> None:
    project = CloudProject(tmp_path, here, "killed")
    project.dogctl("infra", "bootstrap", "--env", "dev")
    known: set[str] = set()
    while step := project.killed_after(known, "deploy", "--env", "dev", "--yes"):
        known.add(step)
    assert known >= {"build/build", "push/candidate", "infra/apply", "release/upgrade"}
    assert not project.deploy()["changed"]
    assert project.dogctl("status", "--env", "dev").code == 0
    left = here.cluster.run("docker", "ps", "--all", "--quiet", "--filter", "name=killed")
    assert left == ""

    ended: set[str] = set()
    words = ("destroy", "--env", "dev", "--yes", "--no-backup")
    while step := project.killed_after(ended, *words):
        ended.add(step)
    assert ended
    assert not [key for key in here.google.resources if "killed" in key[1]]


def address(cluster: Cluster, namespace: str) -> Any:
    """Where users reach the app."""
    said = cluster.kubectl("get", "service", NAME, "--namespace", namespace, "--output=json")
    return json.loads(said)["status"]["loadBalancer"]["ingress"][0]["ip"]
