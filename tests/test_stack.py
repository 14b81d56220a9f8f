"""The container stack as anybody runs it: `docker compose up --build`, with a real MySQL."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.testbed.engine import Engine, engine
from tests.testbed.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as here:
        yield here


class Stack:
    """One compose project on an engine, at a port of its own."""

    def __init__(self, docker: Engine) -> None:
        self.docker = docker
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        project = f"stack-{os.getpid()}"
        self.environ = {"FLASK_PORT": str(self.port), "COMPOSE_PROJECT_NAME": project}
        self.environ["APP_IMAGE"] = f"{project}:test"

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

    def visit(self) -> int:
        with self.docker.network():
            page = requests.get(self.url, timeout=15).text
        found = re.search(r'data-count="(\d+)"', page)
        assert found, page
        return int(found[1])

    def inspect(self, service: str) -> dict[str, object]:
        identity = self.compose("ps", "--quiet", service).strip()
        answer: list[dict[str, object]] = json.loads(self.run("docker", "inspect", identity))
        return answer[0]


@pytest.fixture(scope="module")
def stack(docker: Engine) -> Iterator[Stack]:
    stack = Stack(docker)
    try:
        stack.compose("up", "--build", "--wait")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--rmi", "local")


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
