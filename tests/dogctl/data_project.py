"""The Dog GIF app with a real MySQL on the test bed's cluster, released by dogctl."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from tests.conftest import REPOSITORY
from tests.dogctl.conftest import Done
from tests.dogctl.release_project import ReleaseProject
from tests.testbed.cluster.cluster import Cluster

NAME = "dogs"
SETTINGS = """
checks = [
    { path = "/", increases-by = 1, number = { path = "/api/visits", json = "visits" } },
]
"""
VALUES: Mapping[str, Any] = {
    "replicas": 2,
    "env": {"WEB_CONCURRENCY": 1},
    "service": {"type": "LoadBalancer"},
    "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
}
# Given to the first release in its environment.
GIVEN = {"DB_SECRET": "a-bone-for-rex", "DB_PASSWORD": "first-dogs", "MYSQL_ROOT_PASSWORD": "top"}


def build(cluster: Cluster, folder: Path) -> str:
    """The app's image, as it was pushed."""
    for part in ("Dockerfile", ".dockerignore"):
        shutil.copy(REPOSITORY / part, folder)
    for part in ("requirements", "templates", "webapp"):
        shutil.copytree(REPOSITORY / part, folder / part)
    image = f"{cluster.engine.registry}/team/dogs:1.0.0"
    cluster.run("docker", "build", "--quiet", "--tag", image, str(folder))
    cluster.run("docker", "push", "--quiet", image)
    return image


def push(cluster: Cluster, image: str, tag: str) -> dict[str, str]:
    """A base image under another tag, as values of the chart."""
    repository = f"{cluster.engine.registry}/{image.partition(':')[0]}"
    cluster.run("docker", "tag", image, f"{repository}:{tag}")
    cluster.run("docker", "push", "--quiet", f"{repository}:{tag}")
    return {"repository": repository, "tag": tag}


class DataProject(ReleaseProject):
    """A project whose release has visitors to count."""

    def __init__(self, root: Path, cluster: Cluster, image: str) -> None:
        super().__init__(root, cluster, NAME)
        self.image = image
        self.setting(SETTINGS)
        self.database(push(cluster, "mysql:8.4", "8.4"))

    def setting(self, lines: str) -> None:
        """More settings of the project."""
        path = self.root / "pyproject.toml"
        path.write_text(path.read_text().replace("[tool.dogctl]\n", f"[tool.dogctl]\n{lines}", 1))

    def no_setting(self, lines: str) -> None:
        """Without those again."""
        path = self.root / "pyproject.toml"
        path.write_text(path.read_text().replace(lines, "", 1))

    def database(self, image: Mapping[str, str]) -> None:
        self.values({**VALUES, "database": {"image": dict(image)}})

    def dogctl(self, *words: str, stdin: str | None = None, **variables: str) -> Done:
        """In the environment dev, for as long as it takes."""
        done = subprocess.run(
            self.argv(*words, "--env", "dev"),
            cwd=self.root,
            env=self.environ(**variables),
            input=stdin or "",
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def answer(self, *words: str, stdin: str | None = None, **variables: str) -> Any:
        """The data of a command that has to succeed."""
        done = self.dogctl(*words, "--json", stdin=stdin, **variables)
        assert done.code == 0, done.err + done.out
        return done.json["data"]

    def killed(self, step: str, *words: str) -> None:
        """A dogctl that is killed as soon as a step has begun."""
        with self.start(*words, "--env", "dev", "--events") as (outer, process):
            assert outer.stderr is not None
            for line in outer.stderr:
                event = json.loads(line)
                if event["event"] == "step-started" and event["step"] == step:
                    process.kill()
                    break
            else:
                raise AssertionError(f"there was no step {step}")

    def secret(self, name: str = NAME) -> dict[str, str]:
        data = json.loads(self.kubectl("get", "secret", name, "--output=json"))["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def exists(self, kind: str, name: str) -> bool:
        return bool(self.kubectl("get", kind, name, "--ignore-not-found", "--output=name"))

    def pods(self, component: str = "app") -> list[str]:
        """The names of those that are there to stay."""
        label = f"--selector=app.kubernetes.io/component={component}"
        found = json.loads(self.kubectl("get", "pods", label, "--output=json"))["items"]
        return sorted(
            pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]
        )

    def sql(self, statement: str) -> None:
        """As the database's root."""
        script = 'IFS= read -r MYSQL_PWD; export MYSQL_PWD; mysql --user=root --execute="$1"'
        words = ("exec", "--stdin", f"{NAME}-mysql-0", "--", "sh", "-c", script, "sh", statement)
        password = self.secret(f"{NAME}-mysql")["root-password"]
        self.cluster.kubectl("--namespace", NAME, *words, stdin=f"{password}\n")

    def opens(self, user: str, password: str) -> bool:
        """Whether the database takes a password."""
        script = 'IFS= read -r MYSQL_PWD; export MYSQL_PWD; "$(command -v mariadb || command -v mysql)" --user="$1" --execute="SELECT 1"'
        words = ("exec", "--stdin", f"{NAME}-mysql-0", "--", "sh", "-c", script, "sh", user)
        try:
            self.cluster.kubectl("--namespace", NAME, *words, stdin=f"{password}\n")
        except RuntimeError as error:
            if "1045" in str(error):
                return False
            raise
        return True

    @property
    def url(self) -> str:
        service = json.loads(self.kubectl("get", "service", NAME, "--output=json"))
        (ingress,) = service["status"]["loadBalancer"]["ingress"]
        return f"http://{ingress['ip']}/"

    def count(self) -> int:
        """How many visits there were."""
        with self.cluster.network():
            return int(requests.get(f"{self.url}api/visits", timeout=20).json()["visits"])

    def serves(self) -> bool:
        try:
            return self.count() >= 0
        except (ValueError, KeyError, requests.RequestException):
            return False
