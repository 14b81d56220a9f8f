"""A deploy to minikube, where Terraform drives Helm: a stand-in of minikube before a real cluster."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.dogctl.conftest import Done
from tests.dogctl.deploy_project import DeployProject
from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.clusters.local import LocalClusters, local_clusters
from tests.testbed.engine import own_engine
from tests.testbed.terraform.plugins import Parts, Plugins, parts, terraform_plugins

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

SETTINGS = """
[tool.dogctl]
name = "tomorrow"
health = "/ready"

[tool.dogctl.env.dev]
target = "minikube"
infra = "tf/minikube"
state = "local"
release = "dev-flask-app"
namespace = "mytomorrow"
skip = ["release"]

[tool.dogctl.env.prod]
target = "minikube"
infra = "tf/minikube"
state = "local"
release = "prod-flask-app"
namespace = "mytomorrow"
skip = ["release"]
protected = true
"""


class MinikubeProject(DeployProject):
    """A tiny app whose Helm release is Terraform's."""

    patience = 300.0

    def __init__(
        self, root: Path, cluster: Cluster, local: LocalClusters, plugins: Plugins
    ) -> None:
        super().__init__(root, cluster, "tomorrow")
        self.local, self.plugins = local, plugins
        self.configure(SETTINGS)
        for name in ("tf", "charts"):
            shutil.copytree(REPOSITORY / name, root / name)
        values = root / "tf/minikube/values"
        # The app counts nothing, and needs no database.
        dev = (values / "dev.yaml").read_text()
        (values / "prod.yaml").write_text(dev.replace("30500", "30501"))
        self.commit("Terraform")

    def argv(self, *words: str) -> list[str]:
        # The stand-in reaches the node from this machine's own processes.
        return [sys.executable, "-m", "dogctl", *words]

    def dogctl(self, *words: str, stdin: str | None = None, **variables: str) -> Done:
        with self.cluster.network():
            return super().dogctl(*words, stdin=stdin, **variables)

    def environ(self, **variables: str) -> dict[str, str]:
        path = f"{self.local.environ['PATH']}:{self.plugins.environ['PATH']}"
        given = {**self.local.environ, **self.plugins.environ, "PATH": path}
        return super().environ(**{**given, **variables})


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts()


@pytest.fixture
def project(here: Cluster, made: Parts, tmp_path: Path) -> Iterator[MinikubeProject]:
    with local_clusters(here) as local, terraform_plugins(made=made) as plugins:
        yield MinikubeProject(tmp_path, here, local, plugins)


def page(project: MinikubeProject, port: int) -> str | None:
    """What the app answers at a port of the node."""
    try:
        with project.cluster.network():
            answer = requests.get(f"http://127.0.0.1:{port}/", timeout=5)
        return answer.text if answer.ok else None
    except requests.ConnectionError:
        return None


def test_terraform_releases_what_dogctl_has_built_and_loaded(project: MinikubeProject) -> None:
    first = project.deploy("--start", "--yes")
    assert first["changed"]
    eventually(lambda: page(project, 30500) == "ok")
    assert not project.deploy("--yes")["changed"]

    (project.root / "Dockerfile").write_text(
        (project.root / "Dockerfile").read_text().replace("BEHAVIOUR=ok", "BEHAVIOUR=better")
    )
    project.commit("better")
    project.deploy("--yes")
    eventually(lambda: page(project, 30500) == "better")

    plan = project.root / ".dogctl/plan.json"
    planned = project.deploy("--plan-out", str(plan), env="prod")
    assert any("helm_release.app" in line for line in planned["changes"])
    assert json.loads(plan.read_text())["infra"]["changes"]
    project.deploy("--approve", str(plan), "--sha256", planned["sha256"], env="prod")
    assert "prod-flask-app" in project.cluster.run(
        "helm", "list", "--namespace", "mytomorrow", "--short"
    )

    gone = project.dogctl("infra", "destroy", "--env", "dev", "--yes")
    assert gone.code == 0, gone.err
    assert "dev-flask-app" not in project.cluster.run(
        "helm", "list", "--namespace", "mytomorrow", "--short"
    )
