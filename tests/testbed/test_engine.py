"""The test bed's engine: whatever tests of the product will rely on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.testbed import cache
from tests.testbed.engine import Engine, engine, engine_here
from tests.testbed.leftovers import left_of, processes_in

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

# Taken before a test gets a home of its own: a second cache would be filled from nothing.
# The test bed keeps its cache in the real home directory, so the guard is left out.
CACHE = {"XDG_CACHE_HOME": str(cache.folder().parent), "PYTHONPATH": ""}
TESTBED = [sys.executable, "-m", "tests.testbed"]
PYTHON = "python:3.13-alpine"
PASSWORD = 'it\'s a \\"pass$word" ü'
SERVE = ["python", "-m", "http.server", "8000"]
ANSWERS = "import urllib.request as web; web.urlopen('http://127.0.0.1:8000')"
HEALTHY = {"interval": "500ms", "timeout": "5s", "retries": 60}


@pytest.fixture(scope="module")
def running() -> Iterator[Engine]:
    with engine() as found:
        yield found


@pytest.fixture
def private() -> None:
    """The sandbox has taken away a DOCKER_HOST, so inside of one engine another is started."""
    if engine_here():
        pytest.skip("this machine has an engine, so no private one is started")


class Client:
    """Runs the engine's command line tools in a folder."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder

    def __call__(self, *words: str, **environ: str) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**os.environ, **self.engine.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def write(self, services: Mapping[str, Any], **rest: Any) -> None:
        compose = {"name": self.folder.name, "services": services, **rest}
        (self.folder / "compose.yaml").write_text(json.dumps(compose))


@pytest.fixture
def client(running: Engine, tmp_path: Path) -> Iterator[Client]:
    folder = tmp_path / f"testbed-{os.getpid()}"
    folder.mkdir()
    client = Client(running, folder)
    yield client
    if (folder / "compose.yaml").exists():
        client("docker", "compose", "down", "--volumes", "--timeout=0")


def test_the_tools_answer(client: Client) -> None:
    for words in (["version"], ["compose", "version"], ["buildx", "version"]):
        assert client("docker", *words)


def test_two_services_and_a_published_port(client: Client) -> None:
    web = {
        "image": PYTHON,
        "command": SERVE,
        "init": True,
        "read_only": True,
        "user": "10001:10001",
        "healthcheck": {"test": ["CMD", "python", "-c", ANSWERS], **HEALTHY},
    }
    ask = ANSWERS.replace("127.0.0.1", "web")
    other = {
        **web,
        "ports": ["127.0.0.1::8000"],
        "healthcheck": {"test": ["CMD", "python", "-c", ask], **HEALTHY},
        "depends_on": {"web": {"condition": "service_healthy"}},
    }
    client.write({"web": web, "other": other})
    client("docker", "compose", "up", "--wait", "--wait-timeout=60")
    address = client("docker", "compose", "port", "other", "8000").strip()
    assert address.startswith("127.0.0.1:")
    with client.engine.network():
        assert requests.get(f"http://{address}", timeout=10).status_code == 200


def test_build_push_and_pull(client: Client) -> None:
    if client.engine.registry is None:
        pytest.skip("this machine's engine has no registry for tests")
    recipe = f"FROM {PYTHON}\nRUN python -m venv --without-pip /venv\nUSER 10001:10001\n"
    (client.folder / "Dockerfile").write_text(recipe)
    name = f"{client.engine.registry}/team/{client.folder.name}:1.0.0"
    client("docker", "buildx", "build", "--tag", name, ".")
    client("docker", "push", name)
    (digest,) = json.loads(client("docker", "inspect", "-f", "{{json .RepoDigests}}", name))
    client("docker", "image", "rm", name)
    asks = "import os, sys; print(os.getuid(), sys.prefix, sys.version_info[:2])"
    answer = client("docker", "run", "--rm", digest, "/venv/bin/python", "-c", asks)
    assert answer == "10001 /venv (3, 13)\n"


def test_builds_reach_package_registries(client: Client) -> None:
    # Which packages there are is the machine's business; that their index answers is enough.
    recipe = f"FROM {PYTHON}\nRUN pip download --no-deps --dest /tmp iniconfig\n"
    (client.folder / "Dockerfile").write_text(recipe)
    client("docker", "build", "--tag", client.folder.name, ".")
    client("docker", "image", "rm", client.folder.name)


MYSQL = {
    "environment": {
        "MYSQL_DATABASE": "dogs",
        "MYSQL_USER": "dog",
        "MYSQL_PASSWORD_FILE": "/run/secrets/password",
        "MYSQL_ROOT_PASSWORD_FILE": "/run/secrets/password",
    },
    "volume": "/var/lib/mysql",
    "password": "MYSQL_PWD",
}
POSTGRES = {
    "environment": {
        "POSTGRES_DB": "dogs",
        "POSTGRES_USER": "dog",
        "POSTGRES_PASSWORD_FILE": "/run/secrets/password",
    },
    "volume": "/var/lib/postgresql/data",
    "password": "PGPASSWORD",
    "health": "pg_isready --host=127.0.0.1 --username=dog",
    "ask": "psql --host=db --username=dog --dbname=dogs --tuples-only --no-align --command",
}
DATABASES = {
    "mysql:8.4": {
        **MYSQL,
        "health": "mysqladmin --host=127.0.0.1 ping",
        "ask": "mysql --host=db --user=dog --skip-column-names --database=dogs --execute",
    },
    "mariadb:11.8": {
        **MYSQL,
        "health": "mariadb-admin --host=127.0.0.1 ping",
        "ask": "mariadb --host=db --user=dog --skip-column-names --database=dogs --execute",
    },
    "postgres:17": POSTGRES,
}


@pytest.mark.parametrize("image", DATABASES)
def test_a_database_keeps_its_data(client: Client, image: str) -> None:
    traits: dict[str, Any] = DATABASES[image]
    secret = client.folder / "password"
    secret.touch(0o600)
    secret.write_text(PASSWORD)
    service = {
        "image": image,
        "environment": traits["environment"],
        "volumes": [f"data:{traits['volume']}"],
        "secrets": ["password"],
        "healthcheck": {"test": ["CMD-SHELL", traits["health"]], **HEALTHY},
    }
    secrets = {"password": {"file": str(secret)}}
    client.write({"db": service}, volumes={"data": {}}, secrets=secrets)

    def ask(sql: str) -> str:
        words = ["docker", "compose", "exec", "-T", "--env", traits["password"], "db"]
        return client(*words, *traits["ask"].split(), sql, **{traits["password"]: PASSWORD})

    up = ["docker", "compose", "up", "--wait", "--wait-timeout=120"]
    client(*up)
    ask("CREATE TABLE visits (number INT)")
    ask("INSERT INTO visits VALUES (41)")
    client("docker", "compose", "kill")
    client(*up)
    ask("UPDATE visits SET number = number + 1")
    client("docker", "compose", "down", "--timeout=20")
    client(*up)
    assert ask("SELECT number FROM visits").strip() == "42"
    owner = "stat -c %U /proc/1"
    assert client("docker", "compose", "exec", "-T", "db", *owner.split()).strip() != "root"


@pytest.mark.usefixtures("private")
def test_engines_do_not_meet(running: Engine) -> None:
    port = "127.0.0.1:18123:8000"
    start = f"docker run --detach --rm --init --publish {port} {PYTHON} {' '.join(SERVE)}"
    mine = subprocess.run(
        start.split(),
        env={**os.environ, **running.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    script = f"{start} && docker ps --quiet --no-trunc"
    command = [*TESTBED, "run", "sh", "-c", script]
    theirs = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, **CACHE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert theirs.returncode == 0, theirs.stderr
    started, *listed = theirs.stdout.split()
    assert listed == [started]
    assert mine.stdout.strip() != started
    with running.network():
        assert requests.get("http://127.0.0.1:18123", timeout=10).status_code == 200


@pytest.mark.usefixtures("private", "running")
def test_nothing_is_left_of_a_killed_one() -> None:
    interfaces = sorted(Path("/sys/class/net").iterdir())
    serve = f"docker run --detach --publish 127.0.0.1:8123:8000 {PYTHON} {' '.join(SERVE)}"
    script = f"{serve} && readlink /proc/self/ns/net && echo $DOCKER_HOST && sleep 600"
    process = subprocess.Popen(
        [*TESTBED, "run", "sh", "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, **CACHE},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        _container, network, host = (process.stdout.readline().strip() for _ in range(3))
        folder = Path(host.removeprefix("unix://")).parent
        assert processes_in(network)
        assert left_of(folder)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while (processes_in(network) or left_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_in(network) == []
    assert left_of(folder) == []
    assert sorted(Path("/sys/class/net").iterdir()) == interfaces
