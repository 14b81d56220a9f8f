"""From nothing to a page and back to nothing: the Dog GIF app on infrastructure of its own at Google."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart.visitors import visit
from tests.conftest import REPOSITORY
from tests.dogctl.live_project import NAME, LiveProject, push_mysql
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine
from tests.testbed.google.serving import PROJECT
from tests.testbed.terraform.cloud import Cloud, cloud

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]

REGION, STATE = "europe-west1", "s3://kennel-state/dogs"


class CloudProject(LiveProject):
    """The repository as it is, for a cloud that is empty at first."""

    patience = 600.0

    def __init__(self, root: Path, cloud: Cloud) -> None:
        self.cloud = cloud
        super().__init__(root, cloud.cluster)
        shutil.copytree(REPOSITORY / "tf", root / "tf")
        text = (root / "pyproject.toml").read_text()
        own = '\nvalues = ["values/live.yaml"]\nrelease-timeout = 300\n'
        for name in ("dev", "prod"):
            head = f"[tool.dogctl.env.{name}]"
            text = text.replace(head, f'{head}{own}cluster = "dogs-{name}"\nnamespace = "{name}"')
        self.configure(text)
        self.values(service={"type": "LoadBalancer"})
        self.commit("infrastructure")

    def environ(self, **variables: str) -> dict[str, str]:
        given = {
            **self.cloud.environ,
            "AWS_REGION": "eu-west-1",
            "PROJECT_ID": PROJECT,
            "REGION": REGION,
            "TERRAFORM_STATE": STATE,
            **variables,
        }
        return super().environ(**given)

    def dev(self, *words: str) -> Any:
        return self.answer(*words, "--env", "dev")


@pytest.fixture(scope="module")
def here() -> Iterator[Cloud]:
    with own_engine() as engine, cluster(engine) as found, cloud(found) as around:
        push_mysql(found)
        yield around


def test_from_nothing_to_a_page_and_back_to_nothing(here: Cloud, tmp_path: Path) -> None:
    project = CloudProject(tmp_path, here)
    project.dev("infra", "bootstrap")
    first = project.dev("deploy", "--yes")
    assert first["pods"] == 1
    assert first["status"] == 200
    (ingress,) = address(here.cluster, "dev")
    seen = visit(here.cluster, f"http://{ingress['ip']}/", 20)
    assert sorted(seen.numbers) == [*range(1, 21)]
    assert not project.dev("deploy")["changed"]

    project.dev("destroy", "--yes")
    assert not here.google.resources.states


def address(cluster: Cluster, namespace: str) -> Any:
    said = cluster.kubectl("get", "service", NAME, "--namespace", namespace, "--output=json")
    return json.loads(said)["status"]["loadBalancer"]["ingress"]
