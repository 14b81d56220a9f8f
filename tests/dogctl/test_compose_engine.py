"""up, status, logs, gifs and down with containers of a real Docker engine."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from dogctl.tools.docker import SERVICE
from tests.dogctl.engine_project import EngineProject
from tests.testbed.engine import Engine, engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SERVER = """
import http.server, os, sys, time

print("serving", flush=True)
if os.environ.get("CRASH"):
    sys.exit("the cause of it all")

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): ...

    def do_GET(self):
        self.send_response(200 if self.path == "/" else 503)
        self.end_headers()
        self.wfile.write(os.environ.get("GREETING", "hello").encode())

http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
DOCKERFILE = """
FROM python:3.13-alpine
COPY serve.py /
CMD ["python", "-u", "/serve.py"]
"""
COMPOSE = """
services:
  app:
    build: .
    init: true
    restart: unless-stopped
    ports: ["127.0.0.1:${FLASK_PORT}:8000"]
    environment: {GREETING: "${GREETING:-hello}", CRASH: "${CRASH:-}"}
    depends_on: {database: {condition: service_healthy}}
    healthcheck:
      test: ["CMD", "python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/')"]
      interval: 1s
  database:
    image: python:3.13-alpine
    init: true
    command: [python, -c, "import time; print('stored', flush=True); time.sleep(1000)"]
    volumes: ["data:/data"]
    healthcheck: {test: ["CMD", "${DB_CHECK:-true}"], interval: 1s, retries: 2}
volumes:
  data:
"""


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as here:
        yield here


class StackProject(EngineProject):
    """A tiny app with a database of its own kind."""

    def __init__(self, root: Path, docker: Engine) -> None:
        super().__init__(root, docker)
        (root / "serve.py").write_text(SERVER)
        (root / "Dockerfile").write_text(DOCKERFILE)
        (root / "compose.yaml").write_text(COMPOSE)
        self.configure('[tool.dogctl]\nname = "tiny"\n')

    def edit(self, old: str, new: str) -> None:
        """Change the compose file."""
        (self.root / "compose.yaml").write_text(COMPOSE.replace(old, new))

    def get(self) -> str:
        with self.docker.network():
            return requests.get(f"http://127.0.0.1:{self.port}/", timeout=5).text

    def left(self) -> str:
        """The containers, volumes and networks there are."""
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        filters = ("--quiet", "--filter", "label=com.docker.compose.project")
        return "".join(self.run("docker", *kind, *filters) for kind in kinds)

    def run(self, *argv: str) -> str:
        environ = self.environ()
        return subprocess.run(argv, env=environ, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def stack(tmp_path: Path, docker: Engine) -> Iterator[StackProject]:
    project = StackProject(tmp_path, docker)
    yield project
    done = project.dogctl("down", "--volumes", "--yes")
    assert (done.code, project.left()) == (0, ""), done.err


def test_a_day_with_a_stack(stack: StackProject) -> None:
    assert local(stack)["state"] == "down"
    first = stack.dogctl("up", "--json")
    assert first.code == 0, first.err
    data = first.json["data"]
    assert (data["engine"], data["url"]) == ("compose", f"http://127.0.0.1:{stack.port}")
    assert data["database"] == "python:3.13-alpine in the stack"
    assert stack.get() == "hello"
    status = local(stack)
    assert (status["engine"], status["state"], status["health"]) == ("compose", "up", "healthy")
    assert [each["name"] for each in status["services"]] == ["app", "database"]
    again = stack.dogctl("up", "--json")
    assert [step["status"] for step in again.json["data"]["steps"]] == ["unchanged"] * 3
    assert "already up: nothing to do" in stack.dogctl("up", FLASK_PORT="").out
    assert stack.dogctl("logs").out == "serving\n"
    assert stack.dogctl("logs", "--service", "database").out == "stored\n"
    assert "there is no service 'cache'" in stack.dogctl("logs", "-s", "cache").err
    assert stack.dogctl("open", "--json", BROWSER="true").json["data"]["url"] == data["url"]
    assert stack.dogctl("down").out == "tiny is down\n"
    assert stack.run("docker", "volume", "ls", "--quiet", "--filter", "name=tiny-") != ""
    assert stack.dogctl("down", "--json").json["data"]["changed"] is False
    assert stack.dogctl("down", "--volumes").code == 2
    assert stack.dogctl("down", "--volumes", "--yes").out.endswith("its data is deleted\n")
    again = stack.dogctl("down", "--volumes", "--yes", "--json").json["data"]
    assert (again["changed"], again["deleted"]) == (False, False)


def test_what_changes_is_built_and_started_again(stack: StackProject) -> None:
    stack.dogctl("up")
    assert "(nothing to do)" in stack.dogctl("up", "--dry-run").out
    (stack.root / "serve.py").write_text(SERVER.replace('"hello"', '"new code"'))
    steps = stack.dogctl("up", "--json", GREETING="").json["data"]["steps"]
    assert [step["status"] for step in steps] == ["done"] * 3
    steps = stack.dogctl("up", "--json", GREETING="new setting").json["data"]["steps"]
    assert [step["status"] for step in steps] == ["unchanged", "done", "done"]
    assert stack.get() == "new setting"


def test_the_admin_command_runs_in_the_container(stack: StackProject) -> None:
    def configure(*admin: str) -> None:
        stack.configure(f'[tool.dogctl]\nname = "tiny"\nadmin = {json.dumps(admin)}\n')

    configure("{python}", "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", "--at={port}")
    assert stack.dogctl("up").code == 0
    error = stack.dogctl("gifs", "list", "--json").json["error"]
    assert error["detail"] == ['["--at=8000", "gifs", "list"]']
    configure("nonsense")
    error = stack.dogctl("gifs", "list", "--json").json["error"]
    assert "nonsense" in "".join(error["detail"])


def test_what_compose_lays_over_the_file_counts(stack: StackProject) -> None:
    more = '{environment: {GREETING: hi}, ports: ["127.0.0.1::1000"]}'
    (stack.root / "compose.override.yaml").write_text(f"services: {{app: {more}}}")
    url = f"http://127.0.0.1:{stack.port}"
    assert stack.dogctl("up", "--json").json["data"]["url"] == url, "of the two ports the app's"
    assert stack.get() == "hi"
    assert "already up: nothing to do" in stack.dogctl("up", FLASK_PORT="").out


def test_an_image_to_be_pulled_is_told(stack: StackProject) -> None:
    stack.edit("image: python:3.13-alpine", "image: 127.0.0.1:1/nothing")
    done = stack.dogctl("up", "--json", "--events")
    assert any("pulling the image of database" in str(event) for event in done.events)
    assert done.json["error"]["code"] == "compose-failed"


def test_what_dogctl_keeps_here_gets_into_no_image(stack: StackProject) -> None:
    (stack.root / "Dockerfile").write_text(f"{DOCKERFILE}COPY . /all\n")
    secret = stack.root / ".dogctl" / "data" / "secret"
    secret.parent.mkdir(parents=True)
    secret.write_text("precious")
    assert stack.dogctl("up").code == 0
    listed = stack.run("docker", "exec", container(stack), "ls", "-A", "/all").split()
    assert ("serve.py" in listed, ".dogctl" in listed) == (True, False)


def test_a_build_that_fails_shows_its_lines(stack: StackProject) -> None:
    (stack.root / "Dockerfile").write_text(f"{DOCKERFILE}RUN echo the cause of it; false\n")
    error = stack.dogctl("up", "--json").json["error"]
    assert error["code"] == "image-build-failed"
    assert "the cause of it" in "".join(error["detail"])


def test_an_app_that_keeps_ending_is_told_at_once(stack: StackProject) -> None:
    done = stack.dogctl("up", "--json", CRASH="yes")
    error = done.json["error"]
    assert (done.code, error["code"]) == (1, "service-ended")
    assert error["message"].startswith("the service app ")
    assert "the cause of it all" in error["detail"]
    assert stack.dogctl("up").code == 0, "corrected, it comes up"


def test_a_database_that_is_not_healthy_is_told(stack: StackProject) -> None:
    done = stack.dogctl("up", "--json", DB_CHECK="false")
    assert (done.code, done.json["error"]["code"]) == (1, "service-unhealthy")
    assert (
        done.json["error"]["message"] == "the service database is unhealthy: its check says nothing"
    )
    assert done.json["error"]["detail"] == ["stored"]


def test_a_taken_port_is_told(stack: StackProject) -> None:
    with stack.docker.network(), socket.create_server(("127.0.0.1", stack.port)):
        error = stack.dogctl("up", "--json").json["error"]
    assert error["code"] == "port-taken"
    assert error["hint"].startswith("dogctl up --port ")
    assert not (stack.root / ".dogctl" / "run" / "build-app").exists(), "told before the build"


def test_a_taken_port_that_no_flag_changes_is_told_with_its_service(stack: StackProject) -> None:
    with stack.docker.network(), socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack.edit("ports: [", f'ports: ["127.0.0.1:{port}:9000", ')
        error = stack.dogctl("up", "--json").json["error"]
    assert error["where"] == f"127.0.0.1:{port}"
    assert error["hint"] == "end that, or let app publish another port"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("services: [", "compose-file-refused"),
        ("services: {web: {image: x}}", "no-service"),
        ("services: {app: {}}", "compose-file-refused"),
    ],
)
def test_a_wrong_compose_file_is_told(stack: StackProject, text: str, code: str) -> None:
    file = stack.root / "compose.yaml"
    file.write_text(text)
    done = stack.dogctl("up", "--json")
    error = done.json["error"]
    assert (done.code, error["code"], error["where"]) == (2, code, str(file)), error


def test_without_an_engine_auto_takes_a_process_and_says_why(stack: StackProject) -> None:
    stack.configure(
        '[tool.dogctl]\nname = "tiny"\nserve = ["{python}", "-m", "http.server", "{port}"]\n'
    )
    nowhere = "unix:///nowhere.sock"
    done = stack.dogctl("up", "--json", DOCKER_HOST=nowhere)
    assert done.json["data"]["engine"] == "process"
    assert done.json["data"]["reason"] == "cannot reach a Docker engine"
    error = stack.dogctl("up", "--engine", "compose", "--json", DOCKER_HOST=nowhere).json["error"]
    assert (error["code"], error["where"]) == ("engine-unreachable", nowhere)
    assert "--engine process" in error["hint"]


def test_without_the_plugin_compose_is_told_to_be_missing(stack: StackProject) -> None:
    plain = {"DOCKER_CONFIG": str(stack.root), "HOME": str(stack.root)}
    done = stack.dogctl("up", "--engine", "compose", "--json", **plain)
    if done.code == 0:
        return  # this machine has the plugin where every client finds it
    assert done.json["error"]["code"] == "compose-missing"
    stack.dogctl("up")
    for words in (["down"], ["up"]):  # an app that runs keeps its engine
        error = stack.dogctl(*words, "--json", **plain).json["error"]
        assert (error["code"], error["message"]) == (
            "compose-missing",
            "docker has no compose plugin",
        )


def test_a_database_of_ones_own_and_a_stack_exclude_each_other(stack: StackProject) -> None:
    own = {"DATABASE_URL": "mysql://me:pass@db/x"}
    error = stack.dogctl("up", "--engine", "compose", "--json", **own).json["error"]
    assert (error["code"], error["where"]) == ("two-databases", "$DATABASE_URL")


def test_an_engine_takes_over_from_the_other(stack: StackProject) -> None:
    stack.configure(
        '[tool.dogctl]\nname = "tiny"\nserve = ["{python}", "-m", "http.server", "{port}"]\n'
    )
    assert stack.dogctl("up", "--engine", "process", "--json").json["data"]["engine"] == "process"
    assert stack.dogctl("up", "--json").json["data"]["engine"] == "process", "it keeps its engine"
    assert stack.dogctl("up", "--engine", "compose", "--json").json["data"]["engine"] == "compose"
    assert stack.get() == "hello"
    assert stack.dogctl("up", "--engine", "process").code == 0
    assert stack.run("docker", "ps", "--quiet") == ""
    assert stack.dogctl("down").code == 0


def test_two_at_once_bring_up_one_stack(stack: StackProject) -> None:
    with stack.start("up", "--json") as (one, _), stack.start("up", "--json") as (other, _):
        answers = [json.loads(process.communicate()[0]) for process in (one, other)]
    assert [answer["exit_code"] for answer in answers] == [0, 0], answers
    assert stack.run("docker", "ps", "--quiet").count("\n") == 2


def test_an_interrupt_stops_what_was_started(stack: StackProject) -> None:
    with stack.start("up", "--json", DB_CHECK="sleep 100") as (outer, dogctl):
        wait_for(lambda: stack.run("docker", "ps", "--quiet") != "")
        children = dogctl.children()
        dogctl.send_signal(signal.SIGINT)
        answer = json.loads(outer.communicate(timeout=60)[0])
    assert (outer.returncode, answer["error"]["code"]) == (130, "cancelled")
    assert "is left as it is; dogctl down stops it" in answer["error"]["detail"][0]
    assert not any(child.is_running() for child in children)


def test_killed_at_any_moment_the_next_up_ends_in_a_working_stack(stack: StackProject) -> None:
    moments = random.Random(7)
    for _ in range(4):
        with stack.start("up"):
            time.sleep(moments.uniform(0.2, 4))
        done = stack.dogctl("up")
        assert done.code == 0, done.err
        assert stack.get() == "hello"
        assert stack.dogctl("down", "--volumes", "--yes").code == 0
        assert stack.left() == ""


def test_down_finds_a_network_that_is_left_alone(stack: StackProject) -> None:
    stack.configure('[tool.dogctl]\ncompose-project = "tiny"\n')
    labels = ("com.docker.compose.project=tiny", "com.docker.compose.network=default")
    named = [f"--label={label}" for label in labels]
    stack.run("docker", "network", "create", *named, "tiny_default")
    assert stack.dogctl("down", "--json").json["data"]["changed"] is True
    assert stack.left() == ""


def test_a_followed_log_goes_on_after_a_restart(stack: StackProject) -> None:
    stack.dogctl("up")
    with stack.start("logs", "--follow") as (outer, dogctl):
        assert outer.stdout is not None
        assert outer.stdout.readline() == "serving\n"
        stack.run("docker", "restart", "--time", "0", container(stack))
        assert outer.stdout.readline() == "serving\n"
        dogctl.send_signal(signal.SIGINT)
        outer.communicate(timeout=30)
    assert outer.returncode == 130


def test_an_engine_that_has_gone_away_is_no_silence(stack: StackProject) -> None:
    stack.dogctl("up")
    nowhere = "unix:///nowhere.sock"
    done = stack.dogctl("status", "--json", DOCKER_HOST=nowhere)
    assert done.json["data"]["local"]["state"] == "unknown"
    assert (
        "may run: cannot reach a Docker engine" in stack.dogctl("status", DOCKER_HOST=nowhere).out
    )
    error = stack.dogctl("up", "--json", DOCKER_HOST=nowhere).json["error"]
    assert error["code"] == "engine-unreachable", "no other database in place of the stack's"
    assert "correct DOCKER_HOST; dogctl up --engine process" in error["hint"]
    assert stack.dogctl("down", "--json", DOCKER_HOST=nowhere).json["error"]["code"] == (
        "engine-unreachable"
    )
    assert stack.dogctl("up", "--engine", "process", DOCKER_HOST=nowhere).code == 1


def local(stack: StackProject) -> dict[str, Any]:
    answer: dict[str, Any] = stack.dogctl("status", "--json").json["data"]["local"]
    return answer


def container(stack: StackProject) -> str:
    return stack.run("docker", "ps", "--quiet", "--filter", f"label={SERVICE}=app").strip()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
