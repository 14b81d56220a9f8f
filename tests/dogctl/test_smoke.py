"""`dogctl smoke` with containers of a real Docker engine."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker as docker_sdk
import pytest

from tests.conftest import REPOSITORY
from tests.dogctl.conftest import Done
from tests.dogctl.engine_project import EngineProject
from tests.dogctl.test_compose_engine import StackProject, wait_for
from tests.testbed.engine import Engine, engine
from tests.testbed.registries.registry import PASSWORD, USERNAME, binary, registry

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

# Counts visits in a file that outlives it; what is to go wrong is in FAULT.
SERVER = """
import http.server, os, pathlib, sys, threading

FAULT = os.environ.get("FAULT", "")
COUNT = pathlib.Path("/tmp/count" if FAULT == "forget" else "/data/count")
print("serving", flush=True)
if FAULT == "crash":
    sys.exit("the cause of it all")

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): ...

    def do_GET(self):
        count = int(COUNT.read_text()) if COUNT.exists() else 0
        if self.path == "/":
            count += 2 if FAULT == "double" else 1
            COUNT.write_text(str(count))
        if self.path == "/die" and FAULT == "die":
            os._exit(7)
        ready = self.path != "/ready" or FAULT != "unready"
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b'{"visits": %d, "of": ["app"]}' % count if ready else b"not yet")

http.server.HTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
CHECK = """
import http.client, sys

try:
    connection = http.client.HTTPConnection("127.0.0.1", 8000)
    connection.request("GET", "/ready")
    answer = connection.getresponse()
    print(answer.read().decode())
    sys.exit(answer.status != 200)
except OSError as error:
    sys.exit(str(error))
"""
DOCKERFILE = """
FROM python:3.13-alpine
COPY serve.py check.py /
RUN mkdir /data && chown 1000 /data
USER 1000
CMD ["python", "-u", "/serve.py"]
"""
# A name, a port and a volume that a second stack would fight for.
COMPOSE = """
services:
  app:
    build: .
    container_name: the-only-one
    read_only: true
    tmpfs: [/tmp]
    init: true
    restart: unless-stopped
    ports: ["127.0.0.1:${FLASK_PORT}:8000"]
    environment: {FAULT: "${FAULT:-}"}
    depends_on: {database: {condition: service_healthy}}
    volumes: ["data:/data"]
    healthcheck:
      test: ["CMD", "python", "/check.py"]
      interval: 1s
      retries: 2
  database:
    image: python:3.13-alpine
    init: true
    stop_grace_period: 2s
    command: [python, -c, "import time; print('stored', flush=True); time.sleep(1000)"]
    healthcheck: {test: ["CMD", "${DB_CHECK:-true}"], interval: 1s, retries: 2}
volumes:
  data: {name: "${DATA:-data-of-mine}"}
"""
SETTINGS = """
[tool.dogctl]
name = "tiny"
health = "/ready"
checks = [
    { path = "/ready", json = { of = ["app"] } },
    { path = "/die", contains = "visits" },
    { path = "/", increases-by = 1, number = { path = "/ready", json = "visits" }, survives-restart = true },
    { path = "/", increases-by = 1, number = { text = '"visits": (\\d+)' } },
]
"""


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as here:
        yield here


class SmokeProject(StackProject):
    """A project with an image to try out."""

    image = "tiny-smoke:test"

    def __init__(self, root: Path, docker: Engine) -> None:
        super().__init__(root, docker)
        (root / "serve.py").write_text(SERVER)
        (root / "check.py").write_text(CHECK)
        (root / "Dockerfile").write_text(DOCKERFILE)
        (root / "compose.yaml").write_text(COMPOSE)
        self.configure(SETTINGS)
        self.build()

    def build(self, name: str = image) -> None:
        self.run("docker", "build", "--quiet", "--tag", name, str(self.root))

    def smoke(self, *words: str, **variables: str) -> Done:
        return self.dogctl("smoke", self.image, *words, **variables)

    def error(self, *words: str, **variables: str) -> dict[str, Any]:
        done = self.smoke("--json", *words, **variables)
        assert done.code == 1, done.err
        assert self.left() == "", "a failed test leaves nothing"
        answer: dict[str, Any] = done.json
        return answer


@pytest.fixture
def tiny(tmp_path: Path, docker: Engine) -> Iterator[SmokeProject]:
    project = SmokeProject(tmp_path, docker)
    yield project
    project.dogctl("smoke", "--clean")
    project.dogctl("down", "--volumes", "--yes")
    left = project.left()
    project.run("docker", "image", "rm", "--force", project.image)
    assert left == ""


def test_a_pass_is_told_once_and_remembered(tiny: SmokeProject) -> None:
    assert "known after" not in tiny.smoke("--dry-run").out
    assert not (tiny.root / ".dogctl").exists()
    done = tiny.smoke("--json")
    assert done.code == 0, done.err
    data = done.json["data"]
    assert (data["already"], data["changed"]) == (False, True)
    assert [check["check"] for check in data["checks"]] == [
        "runs as a user, not as root",
        "file system is read-only",
        "GET /ready",
        "GET /die",
        "GET / counts in /ready",
        "GET / counts in /",
        "no container ends",
        "GET / counts in /ready, after a restart",
        "no container ends",
    ]
    assert tiny.left() == ""
    again = tiny.smoke("--json").json["data"]
    assert (again["already"], again["changed"]) == (True, False)
    assert again["checks"] == data["checks"]
    assert "passed already" in tiny.smoke().out
    table = tiny.smoke("--again").out
    assert "passed  GET / counts in /ready, after a restart" in table
    tiny.configure(SETTINGS.replace("increases-by = 1,", "increases-by = 1, times = 4,"))
    assert tiny.smoke("--json").json["data"]["already"] is False, "other checks"


def test_a_pass_is_one_even_where_it_cannot_be_remembered(tiny: SmokeProject) -> None:
    (tiny.root / ".dogctl").mkdir()
    (tiny.root / ".dogctl" / "cache").touch()
    (tiny.root / ".dogctl" / "password").write_text("canary")
    (tiny.root / "other.Dockerfile").write_text(f"{DOCKERFILE}COPY . /context\n")
    other = (
        "  other: {build: {context: ., dockerfile: other.Dockerfile}, image: tiny-smoke:other}\n"
    )
    (tiny.root / "compose.yaml").write_text(
        COMPOSE.replace("  database:", f"{other}  database:", 1)
    )
    done = tiny.smoke()
    assert (done.code, "the pass cannot be remembered" in done.err) == (0, True), done.err
    inside = tiny.run("docker", "run", "--rm", "tiny-smoke:other", "find", "/context")
    tiny.run("docker", "image", "rm", "--force", "tiny-smoke:other")
    assert "/context/serve.py" in inside
    assert ".dogctl" not in inside, "what else is built for the test holds no passwords either"


def test_another_image_of_the_same_name_is_tested_again(tiny: SmokeProject) -> None:
    assert tiny.smoke().code == 0
    (tiny.root / "Dockerfile").write_text(f"{DOCKERFILE}LABEL one=more\n")
    tiny.build()
    assert tiny.smoke("--json").json["data"]["already"] is False


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        ("crash", "service-ended", "the service app (ended with 1|has ended)"),
        ("unready", "service-unhealthy", "the service app is unhealthy: not yet"),
        ("die", "check-failed", "the service app (ended with 7|has ended)"),
        ("double", "check-failed", "is 2 after 1 GET from 0 on, not 1"),
        ("forget", "check-failed", "after a restart: was 7 before, and is 0 after it"),
    ],
)
def test_a_broken_app_is_told_with_the_cause(
    tiny: SmokeProject, fault: str, code: str, says: str
) -> None:
    answer = tiny.error(FAULT=fault)
    error, data = answer["error"], answer["data"]
    assert error["code"] == code, error
    assert re.search(says, error["message"])  # once it runs again, the exit code is gone
    assert "tiny-smoke:test fails the smoke test" in error["message"]
    assert [service["name"] for service in data["services"]] == ["app", "database"]
    assert set(data["services"][1]["log"]) == {"stored"}, "once for every start"
    assert any("serving" in line for line in error["detail"])
    assert tiny.smoke("--json").json["data"]["already"] is False, "no pass is remembered"


def test_a_database_that_is_not_healthy_is_told(tiny: SmokeProject) -> None:
    error = tiny.error(DB_CHECK="false")["error"]
    assert "the service database is unhealthy" in error["message"]


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("Dockerfile", "USER 1000", "", "it runs as root"),
        ("compose.yaml", "read_only: true", "", "it is writable"),
    ],
)
def test_a_container_that_is_not_hardened_fails(
    tiny: SmokeProject, file: str, old: str, new: str, says: str
) -> None:
    path = tiny.root / file
    path.write_text(path.read_text().replace(old, new))
    tiny.build()
    assert says in tiny.error()["error"]["message"]


def test_it_disturbs_neither_a_running_stack_nor_another_test(tiny: SmokeProject) -> None:
    variables = {"DATA": f"data-of-mine-{tiny.port}"}
    assert tiny.dogctl("up", **variables).code == 0
    before = tiny.get()
    with (
        tiny.start("smoke", tiny.image, "--json", **variables) as (one, _),
        tiny.start("smoke", tiny.image, "--json", **variables) as (other, _),
    ):
        answers = [json.loads(process.communicate()[0]) for process in (one, other)]
    assert [answer["exit_code"] for answer in answers] == [0, 0], answers
    assert json.loads(tiny.get())["visits"] == json.loads(before)["visits"] + 1
    assert tiny.run("docker", "ps", "--quiet").count("\n") == 2


def test_a_kept_stack_stays_until_it_is_cleaned_away(tiny: SmokeProject) -> None:
    data = tiny.smoke("--keep", "--json").json["data"]
    assert data["url"].startswith("http://127.0.0.1:")
    assert data["kept"].startswith("tiny-")
    assert tiny.smoke("--again", "--json").json["data"]["removed"] == [], "it was to stay"
    assert tiny.left() != ""
    assert "Remove  dogctl smoke --clean" in tiny.smoke("--keep").out
    failed = tiny.smoke("--keep", "--json", FAULT="double").json
    assert failed["data"]["kept"].startswith("tiny-")
    assert failed["data"]["kept"] in failed["error"]["hint"]
    assert len(tiny.dogctl("smoke", "--clean", "--json").json["data"]["removed"]) == 3
    assert tiny.left() == ""
    assert "has left anything" in tiny.dogctl("smoke", "--clean").out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_nothing(tiny: SmokeProject, number: signal.Signals) -> None:
    with tiny.start("smoke", tiny.image, "--json", DB_CHECK="sleep") as (outer, dogctl):
        wait_for(lambda: tiny.left() != "")
        dogctl.send_signal(number)
        answer = json.loads(outer.communicate(timeout=60)[0])
    assert (outer.returncode, answer["error"]["code"]) == (130, "cancelled")
    assert tiny.left() == ""


def test_killed_at_any_moment_the_next_run_leaves_nothing(tiny: SmokeProject) -> None:
    moments = random.Random(5)
    for _ in range(5):
        with tiny.start("smoke", tiny.image, "--again"):
            time.sleep(moments.uniform(0.5, 5))
        assert tiny.smoke("--again").code == 0
        assert tiny.left() == ""


def test_leftovers_are_found_without_the_files(tiny: SmokeProject) -> None:
    with tiny.start("smoke", tiny.image):
        wait_for(lambda: tiny.run("docker", "ps", "--quiet") != "")
    wait_for(lambda: not orphans(tiny))
    shutil.rmtree(tiny.root / ".dogctl")
    assert len(tiny.dogctl("smoke", "--clean", "--json").json["data"]["removed"]) == 1


def orphans(tiny: SmokeProject) -> list[int]:
    """Programs that a killed dogctl has started, and that go on without it."""
    import psutil

    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(
            f"--project-name={tiny_name(tiny)}" in word for word in process.info["cmdline"] or ()
        )
    ]


def tiny_name(tiny: SmokeProject) -> str:
    names = [each.name for each in (tiny.root / ".dogctl" / "run" / "smoke").iterdir()]
    return names[0]


def test_what_is_not_there_is_told(tiny: SmokeProject) -> None:
    error = tiny.dogctl("smoke", "--json").json["error"]
    assert error["code"] == "image-missing"
    assert error["hint"].endswith("dogctl build")
    error = tiny.dogctl("smoke", "127.0.0.1:9/no/such:image", "--json").json["error"]
    assert (error["code"], error["where"]) == ("registry-unreachable", "127.0.0.1:9/no/such:image")
    assert tiny.dogctl("smoke", "Not An Image", "--json").json["error"]["code"] == "bad-image"
    (tiny.root / "empty").mkdir()
    nowhere = EngineProject(tiny.root / "empty", tiny.docker)  # the bundled app, by its own version
    assert nowhere.dogctl("smoke", "--json").json["error"]["code"] == "image-missing"
    (tiny.root / "compose.yaml").unlink()
    assert tiny.smoke("--json").json["error"]["code"] == "no-compose-file"


def test_an_image_behind_a_login_is_pulled(tiny: SmokeProject) -> None:
    client = docker_sdk.DockerClient(tiny.docker.environ.get("DOCKER_HOST"), timeout=60)
    with closing(client), registry(password=PASSWORD, network=tiny.docker.network) as locked:
        login = {"username": USERNAME, "password": PASSWORD}
        name = f"{locked.host}/team/tiny:1"
        client.images.get(tiny.image).tag(name)
        client.images.push(name, auth_config=login)
        client.images.remove(name)
        error = tiny.dogctl("smoke", name, "--json").json["error"]
        assert (error["code"], error["where"]) == ("registry-not-logged-in", name)
        own = {"DOCKER_REPO": f"{locked.host}/team/tiny", "DOCKER_USERNAME": USERNAME}
        done = tiny.dogctl("smoke", name, "--json", DOCKER_PASSWORD=PASSWORD, **own)
        client.images.remove(name)
    assert done.code == 0, done.err
    assert PASSWORD not in done.out + done.err


def test_what_dogctl_build_made_is_the_default(tiny: SmokeProject) -> None:
    tiny.build("tiny:0.0.0-dev.0.nogit")
    done = tiny.dogctl("smoke", "--json")
    tiny.run("docker", "image", "rm", "--force", "tiny:0.0.0-dev.0.nogit")
    assert done.code == 0, done.err


def test_the_bundled_app_with_a_real_database(docker: Engine, tmp_path: Path) -> None:
    project = StackProject(tmp_path, docker)
    for name in ("compose.yaml", "Dockerfile", "prometheus.yml", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    project.run("docker", "build", "--quiet", "--tag", "dogs:smoke", str(REPOSITORY))
    try:
        done = project.dogctl("smoke", "dogs:smoke", "--json")
        assert done.code == 0, done.err
        names = [check["check"] for check in done.json["data"]["checks"]]
        assert "GET / counts in /api/visits, after a restart" in names
        broken = project.dogctl("smoke", "dogs:smoke", FAULTS="error=1")
        assert (broken.code, "answers 500, not 200" in broken.err) == (1, True)
    finally:
        project.run("docker", "image", "rm", "--force", "dogs:smoke")
    assert project.left() == ""
