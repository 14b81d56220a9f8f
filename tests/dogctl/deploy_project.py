"""A tiny app as a repository, which dogctl builds, tests, pushes and releases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dogctl.clouds.kubeconfig import find, fingerprint
from tests.dogctl.engine_project import EngineProject
from tests.dogctl.release_project import APP, PYTHON, VALUES, context
from tests.testbed.cluster.cluster import Cluster

RECIPE = f"""
FROM {PYTHON}
COPY app.py /app.py
USER 10001:10001
ENV BEHAVIOUR=ok
CMD ["python", "/app.py"]
"""
COMPOSE = """
services:
  app:
    image: ${APP_IMAGE:-app}
    ports: ["127.0.0.1:${FLASK_PORT:-5000}:5000"]
    read_only: true
    init: true
"""
SETTINGS = """
[tool.dogctl]
name = "NAME"
docker-repo = "REGISTRY/team/NAME"
health = "/ready"
release-timeout = 90
values = ["values.yaml"]

[tool.dogctl.env.dev]
target = "context"
context = "CONTEXT"

[tool.dogctl.env.prod]
target = "context"
context = "CONTEXT"
namespace = "NAME-prod"
protected = true
pin = "PIN"
"""


def identity(cluster: Cluster) -> str:
    """What an environment is pinned to."""
    uid = cluster.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}")
    return f"{uid}/{fingerprint(find(context(cluster), cluster.environ))}"


class DeployProject(EngineProject):
    """A repository with one commit, and environments on the test bed's cluster."""

    def __init__(self, root: Path, cluster: Cluster, name: str, more: str = "") -> None:
        super().__init__(root, cluster.engine)
        self.cluster = cluster
        self.name = name
        settings = SETTINGS.replace("NAME", name).replace("CONTEXT", context(cluster))
        settings = settings.replace("REGISTRY", str(cluster.engine.registry))
        self.configure(settings.replace("PIN", identity(cluster)) + more)
        (root / "app.py").write_text(APP)
        (root / "Dockerfile").write_text(RECIPE)
        (root / "compose.yaml").write_text(COMPOSE)
        (root / "values.yaml").write_text(yaml.safe_dump(VALUES))
        (root / ".gitignore").write_text(".dogctl/\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("first")

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=dog", "-c", "user.email=dog@example.org")
        return self.cluster.run("git", *identity, "-C", str(self.root), *words)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def change(self) -> None:
        """One more line in the app, committed."""
        with (self.root / "app.py").open("a") as file:
            file.write("# another version\n")
        self.commit("change")

    def environ(self, **variables: str) -> dict[str, str]:
        return super().environ(**{**self.cluster.environ, **variables})

    def deploy(self, *words: str, env: str = "dev", **variables: str) -> Any:
        """The data of a deploy that has to succeed."""
        done = self.dogctl("deploy", "--env", env, "--json", *words, **variables)
        assert done.code == 0, done.err + done.out
        return done.json["data"]

    def kubectl(self, *words: str) -> str:
        return self.cluster.kubectl("--namespace", self.name, *words)
