"""The container stack as anybody runs it: `docker compose up --build`, with a real MySQL."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.eventually import eventually
from tests.testbed.engine import Engine, engine
from tests.testbed.ports import free_port
from tests.webapp.test_count import VISITS, Visitors

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as here:
        yield here


class Stack:
    """One compose project on an engine, at ports of its own."""

    def __init__(self, docker: Engine, name: str, **environ: str) -> None:
        self.docker = docker
        self.port = free_port()
        self.prometheus_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.project = f"{name}-{os.getpid()}"
        self.environ = {
            "APP_IMAGE": f"{self.project}:test",
            "COMPOSE_PROJECT_NAME": self.project,
            "FLASK_PORT": str(self.port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            **environ,
        }

    def compose(self, *words: str) -> str:
        return self.run("docker", "compose", *words)

    def run(self, *argv: str) -> str:
        done = subprocess.run(
            argv,
            cwd=REPOSITORY,
            env={**os.environ, **self.docker.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, path: str) -> requests.Response:
        with self.docker.network():
            return requests.get(f"{self.url}{path}", timeout=15)

    def listens(self) -> bool:
        try:
            return bool(self.get("/healthz").ok)
        except requests.ConnectionError:
            return False

    def visit(self) -> int:
        page = self.get("/").text
        found = re.search(r'data-count="(\d+)"', page)
        assert found, page
        return int(found[1])

    def ask_prometheus(self, query: str) -> str | None:
        """The value of a query that has one answer at most."""
        with self.docker.network():
            answer = requests.get(
                f"http://127.0.0.1:{self.prometheus_port}/api/v1/query",
                params={"query": query},
                timeout=15,
            )
        result = answer.json()["data"]["result"]
        return str(result[0]["value"][1]) if result else None

    def inspect(self, service: str) -> dict[str, Any]:
        identity = self.compose("ps", "--quiet", service).strip()
        answer: list[dict[str, Any]] = json.loads(self.run("docker", "inspect", identity))
        return answer[0]

    def kill(self, service: str) -> None:
        """Kill its first process with -9 as the machine would; `docker kill` counts as a wish."""
        pid = self.inspect(service)["State"]["Pid"]
        outside = ["docker", "run", "--rm", "--pid=host", "--user=0:0", self.environ["APP_IMAGE"]]
        self.run(*outside, "python", "-c", f"import os; os.kill({pid}, 9)")

    def came_back(self, service: str) -> bool:
        facts = self.inspect(service)
        return facts["RestartCount"] == 1 and facts["State"]["Health"]["Status"] == "healthy"


@contextmanager
def running(stack: Stack, *up: str) -> Iterator[Stack]:
    """A stack that is up, and gone afterwards with all that it made."""
    try:
        stack.compose("up", "--build", "--detach", *up)
        yield stack
    finally:
        stack.compose("--profile=monitoring", "down", "--volumes")
        stack.run("docker", "image", "rm", "--force", stack.environ["APP_IMAGE"])


@pytest.fixture(scope="module")
def stack(docker: Engine) -> Iterator[Stack]:
    with running(Stack(docker, "stack"), "--wait") as stack:
        yield stack


def test_every_visit_is_counted_in_mysql(stack: Stack) -> None:
    first = stack.visit()
    assert [stack.visit() for _ in range(3)] == [first + 1, first + 2, first + 3]


def test_the_count_outlives_both_containers(stack: Stack) -> None:
    before = stack.visit()
    stack.compose("down")
    stack.compose("up", "--wait")
    assert stack.visit() == before + 1


def test_the_app_is_nobody_on_a_read_only_system(stack: Stack) -> None:
    facts = json.dumps(stack.inspect("app"))
    assert '"User": "10001:10001"' in facts
    assert '"ReadonlyRootfs": true' in facts
    assert '"CapDrop": ["ALL"]' in facts


@pytest.mark.parametrize("service", ["app", "database"])
def test_what_is_killed_comes_back(stack: Stack, service: str) -> None:
    before = stack.visit()
    stack.kill(service)
    eventually(lambda: stack.came_back(service))
    eventually(lambda: stack.get("/ready").ok)
    assert stack.visit() == before + 1


def test_the_count_equals_the_answers_when_mysql_dies_twice(stack: Stack) -> None:
    before = stack.get("/api/visits").json()["visits"]
    with stack.docker.network():
        visitors = Visitors(stack.port)
    for part in (1, 2):
        visitors.wait_for(part * VISITS // 3)
        stack.kill("database")
    visitors.finish()
    assert len(set(visitors.numbers)) == len(visitors.numbers)
    assert set(visitors.refused) <= {503}
    assert visitors.unanswered == 0
    after = stack.get("/api/visits").json()["visits"]
    assert after - before == len(visitors.numbers)


def test_no_secret_is_in_the_configuration_of_a_container(stack: Stack) -> None:
    words = ("exec", "-T", "app", "cat", "/run/stack/db_password")
    password = stack.compose(*words).strip()
    assert len(password) > 20
    for service in ("app", "database"):
        assert password not in json.dumps(stack.inspect(service))
        assert password not in stack.compose("logs", service)


def test_pictures_can_be_added_where_the_app_runs(stack: Stack) -> None:
    answer = stack.compose("exec", "-T", "app", "python", "-m", "webapp.admin", "gifs", "list")
    assert len(json.loads(answer)["pictures"]) >= 12


def test_prometheus_sees_every_visit(stack: Stack) -> None:
    names = f"--filter=name={stack.project}_prometheus"
    assert "prometheus" not in stack.compose("ps", "--all", "--services")
    assert not stack.run("docker", "volume", "ls", "--quiet", names)
    stack.compose("--profile=monitoring", "up", "--wait")
    visits = stack.visit()
    eventually(lambda: stack.ask_prometheus('up{job="app"}') == "1")
    eventually(lambda: stack.ask_prometheus("dogapp_visitors") == str(visits))
    facts = stack.inspect("prometheus")
    assert facts["Config"]["User"] == "65534:65534"
    assert facts["HostConfig"]["ReadonlyRootfs"]
    assert facts["HostConfig"]["CapDrop"] == ["ALL"]


TLS = """
from os import environ
from webapp.database import Database
from webapp.settings import read_settings
connection = Database(read_settings(environ).database).connect()
print(connection.row("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[1])
"""


def test_the_database_is_reached_by_tls(stack: Stack) -> None:
    assert stack.compose("exec", "-T", "app", "python", "-c", TLS).startswith("TLS_")


@pytest.mark.parametrize("command", [[], ["mariadbd", "--skip-ssl"]], ids=["tls", "no-tls"])
def test_mariadb_will_do(docker: Engine, command: list[str], tmp_path: Path) -> None:
    environ = {"DB_IMAGE": "mariadb:11.8", **override(tmp_path, command)}
    with running(Stack(docker, f"mariadb-{len(command)}", **environ), "--wait") as stack:
        cipher = stack.compose("exec", "-T", "app", "python", "-c", TLS)
        assert cipher.startswith("TLS_") != bool(command)
        first = stack.visit()
        assert stack.visit() == first + 1


def test_mysql_without_tls_is_told(docker: Engine, tmp_path: Path) -> None:
    environ = override(tmp_path, ["mysqld", "--tls-version="])
    with running(Stack(docker, "plain", **environ)) as stack:
        reason = "database has no TLS, which it needs to take the password"
        eventually(stack.listens)
        assert stack.get("/ready").json() == {"status": "unready", "reason": reason}


def override(folder: Path, command: list[str]) -> Mapping[str, str]:
    """What makes Compose start the database with another command."""
    if not command:
        return {}
    file = folder / "override.json"
    file.write_text(json.dumps({"services": {"database": {"command": command}}}))
    return {"COMPOSE_FILE": f"{REPOSITORY / 'compose.yaml'}:{file}"}
