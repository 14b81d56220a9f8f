"""The whole way of the bundled app: built, pushed, released with a real MySQL, used, and removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.visitors import crowd, visit
from tests.conftest import REPOSITORY
from tests.dogctl.engine_project import EngineProject
from tests.dogctl.release_project import context
from tests.eventually import eventually
from tests.testbed.cluster.addresses import NODE_NAME, SECOND_NAME
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.cluster.metrics import metrics
from tests.testbed.cluster.second import second_node
from tests.testbed.engine import own_engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

NAME = "dog-gif-app"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
PARTS = ("Dockerfile", ".dockerignore", "pyproject.toml")
FOLDERS = ("requirements", "templates", "webapp")
ENVIRONMENT = """
[tool.dogctl.env.live]
target = "context"
context = "{context}"
values = ["values/prod.yaml", "values/live.yaml"]
release-timeout = 300
"""


class LiveProject(EngineProject):
    """The Dog GIF app as a repository, with an environment on the test bed's cluster."""

    def __init__(self, root: Path, cluster: Cluster) -> None:
        super().__init__(root, cluster.engine)
        self.cluster = cluster
        for name in PARTS:
            shutil.copy(REPOSITORY / name, root)
        for name in FOLDERS:
            shutil.copytree(REPOSITORY / name, root / name)
        settings = (root / "pyproject.toml").read_text()
        self.configure(settings + ENVIRONMENT.format(context=context(cluster)))
        (root / "values").mkdir()
        shutil.copy(REPOSITORY / "charts/dogapp/values-prod.yaml", root / "values/prod.yaml")
        self.commit("first")

    def values(self, **values: Any) -> None:
        given = {"database": {"image": mysql(self.cluster)}, **SMALL, **values}
        (self.root / "values/live.yaml").write_text(yaml.safe_dump(given))

    def commit(self, message: str) -> None:
        git = ["git", "-c", "user.name=dog", "-c", "user.email=dog@example.org", "-C"]
        if not (self.root / ".git").exists():
            self.cluster.run(*git, str(self.root), "init", "--quiet")
            (self.root / ".git/info/exclude").write_text("values/live.yaml\n.dogctl/\n")
        self.cluster.run(*git, str(self.root), "add", "--all")
        self.cluster.run(*git, str(self.root), "commit", "--quiet", "--message", message)

    def environ(self, **variables: str) -> dict[str, str]:
        repository = f"{self.cluster.engine.registry}/team/dogs"
        given = {"DOCKER_REPO": repository, **self.cluster.environ, **variables}
        return super().environ(**given)

    def answer(self, *words: str) -> Any:
        """The data of a command that has to succeed."""
        done = self.dogctl(*words, "--json")
        assert done.code == 0, done.err + done.out
        return done.json["data"]

    def live(self, *words: str) -> Any:
        return self.answer(*words, "--env", "live")

    def get(self, *words: str) -> Any:
        said = self.cluster.kubectl("get", *words, "--namespace", NAME, "--output=json")
        return json.loads(said)

    def ready(self) -> int:
        return int(self.get("deployment", NAME)["status"].get("readyReplicas", 0))

    def without_database(self) -> str:
        """The node that has not the database, whose volume cannot leave its node."""
        database = self.get("pod", f"{NAME}-mysql-0")["spec"]["nodeName"]
        (node,) = {NODE_NAME, SECOND_NAME} - {database}
        return str(node)

    @property
    def url(self) -> str:
        (ingress,) = self.get("service", NAME)["status"]["loadBalancer"]["ingress"]
        return f"http://{ingress['ip']}/"


# For a machine of two processors.
SMALL: dict[str, Any] = {
    "env": {"WEB_CONCURRENCY": "1"},
    "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
}


def mysql(cluster: Cluster) -> dict[str, str]:
    return {"repository": f"{cluster.engine.registry}/mysql", "tag": "8.4"}


@pytest.fixture(scope="module")
def here() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found, second_node(found), metrics(found):
        name = f"{engine.registry}/mysql:8.4"
        found.run("docker", "tag", "mysql:8.4", name)
        found.run("docker", "push", "--quiet", name)
        found.kubectl("create", "namespace", NAME)
        found.kubectl("label", "namespace", NAME, RESTRICTED)
        yield found


def test_from_the_first_build_to_nothing_left(here: Cluster, tmp_path: Path) -> None:
    project = LiveProject(tmp_path, here)
    project.values()
    project.answer("build")
    digest = project.answer("push")["digest"]
    first = project.live("release")
    assert first["image"].endswith(f"@{digest}")
    assert first["pods"] == 3

    seen = visit(here, project.url, 60)
    assert not seen.failures
    assert sorted(seen.numbers) == [*range(1, 61)]

    status = project.live("status")
    assert status["count"]["value"] == 60
    assert status["release"]["revision"] == 1
    assert status["drift"]["differences"] == []
    assert {pod["node"] for pod in status["pods"]} == {NODE_NAME, SECOND_NAME}

    with crowd(here, project.url) as during:
        node = project.without_database()
        here.kubectl("drain", node, "--delete-emptydir-data", "--timeout=180s")
        eventually(lambda: project.ready() == 3, 180)
        here.kubectl("uncordon", node)
        page = tmp_path / "webapp/pages.py"
        page.write_text(f"{page.read_text()}# another version\n")
        project.commit("second")
        project.answer("build")
        project.answer("push")
        second = project.live("release")
    assert second["revision"] == 2
    assert second["image"] != first["image"]
    assert not during.failures
    assert sorted(during.numbers) == [*range(61, 61 + len(during.numbers))]

    scaling = {"enabled": True, "minReplicas": 3, "maxReplicas": 5, "cpu": 20}
    project.values(autoscaling=scaling)
    project.live("release")
    with crowd(here, project.url) as during:
        eventually(lambda: project.ready() == 5, 240)
    assert not during.failures

    back = project.live("rollback", "1")
    assert back["image"] == first["image"]
    assert project.live("rollback", "1")["changed"] is False
    before = project.live("status")["count"]["value"]
    assert visit(here, project.url, 3).numbers

    project.live("uninstall", "--volumes", "--yes")
    left = project.get("all,secret,pvc,configmap,lease")["items"]
    assert [item["metadata"]["name"] for item in left] == ["kube-root-ca.crt"]
    assert before > 60
