"""The Dog GIF app as a repository of its own, released to the test bed's cluster."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY
from tests.dogctl.engine_project import EngineProject
from tests.dogctl.release_project import context
from tests.testbed.cluster.addresses import NODE_NAME, SECOND_NAME
from tests.testbed.cluster.cluster import Cluster

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
            self.cluster.run(*git, str(self.root), "init", "--quiet", "--initial-branch=main")
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


def push_mysql(cluster: Cluster) -> None:
    """The image of MySQL where the cluster's pods find it."""
    name = f"{cluster.engine.registry}/mysql:8.4"
    cluster.run("docker", "tag", "mysql:8.4", name)
    cluster.run("docker", "push", "--quiet", name)
