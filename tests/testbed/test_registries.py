"""The test bed's registries, with the engine that tests of pushes will use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import psutil
import pytest
import requests

from dogctl.image import ImageRef
from dogctl.registries.base import Login
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Secret
from tests.conftest import REPOSITORY
from tests.testbed.engine import Engine, engine
from tests.testbed.processes import is_alive, tree_of
from tests.testbed.registries.content import MANIFEST, Uploader, digest_of
from tests.testbed.registries.faults import faulty
from tests.testbed.registries.hub import Hub, Repository, hub
from tests.testbed.registries.registry import (
    PASSWORD,
    USERNAME,
    RunningRegistry,
    binary,
    registry,
)

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
LOGIN = {"username": USERNAME, "password": PASSWORD}


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def running() -> Iterator[Engine]:
    with engine() as found:
        yield found


@pytest.fixture(scope="module")
def locked(running: Engine) -> Iterator[RunningRegistry]:
    """Where the engine sees it."""
    with registry(password=PASSWORD, network=running.network) as found:
        yield found


@pytest.fixture(scope="module")
def client(running: Engine) -> Iterator[docker.DockerClient]:
    found = docker.DockerClient(running.environ.get("DOCKER_HOST"), timeout=120)
    yield found
    found.close()


def push(client: docker.DockerClient, name: str, login: dict[str, str] | None) -> str:
    """Push an image of random bytes, which no registry has; all that the engine said."""
    client.images.build(path=str(context(name)), tag=name)
    said = client.images.push(name, stream=True, decode=True, auth_config=login or {"a": "b"})
    lines = [json.dumps(line) for line in said]
    client.images.remove(name)
    return "\n".join(lines)


def context(name: str) -> Path:
    """A folder with a Dockerfile for an image of half a megabyte."""
    folder = Path(os.environ["HOME"]) / digest_of(name.encode())[-8:]
    folder.mkdir(exist_ok=True)
    (folder / "data").write_bytes(os.urandom(500_000))
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY data /data\n")
    return folder


def test_the_engine_pushes_only_with_the_password(
    client: docker.DockerClient, locked: RunningRegistry, running: Engine
) -> None:
    name = f"{locked.host}/team/password:1"
    assert "no basic auth credentials" in push(client, name, None)
    assert "unauthorized" in push(client, name, {**LOGIN, "password": "another"})
    assert '"Digest": "sha256:' in push(client, name, LOGIN)
    with running.network():
        listed = requests.get(
            f"{locked.url}team/password/tags/list", auth=(USERNAME.encode(), PASSWORD.encode())
        )
    assert listed.json()["tags"] == ["1"]
    assert PASSWORD not in locked.log.read_text()


def test_a_push_meets_faults_and_gets_through(
    client: docker.DockerClient, locked: RunningRegistry, running: Engine
) -> None:
    with faulty(locked.host, running.network) as proxy:
        proxy.cut(1, method="PATCH", after=100_000)
        said = push(client, f"{proxy.host}/team/faults:1", LOGIN)
        assert '"Digest": "sha256:' in said, said
        assert proxy.count("PATCH", status=0) == 1
        assert proxy.count("PATCH", status=202) >= 1


def test_the_driver_finds_what_the_engine_pushed(
    client: docker.DockerClient, locked: RunningRegistry, running: Engine
) -> None:
    ref = ImageRef(locked.host, "team/driver", "sha-1")
    login = Login(USERNAME, Secret(PASSWORD))
    said = push(client, str(ref), login.auth_config())
    with running.network():
        driver = OciRegistry(locked.host, lambda: login)
        digest = driver.resolve(ref)
        assert digest is not None
        assert f'"Digest": "{digest}"' in said
        assert driver.tag(ref, digest, ["1.0"]) == ("1.0",)
        assert driver.tags(ref) == ("1.0", "sha-1")


def test_a_late_cut_is_after_the_work() -> None:
    with registry() as open_one, faulty(open_one.host) as proxy:
        uploader = Uploader(open_one, "team/late")
        uploader.session.auth = None
        uploader.image("1", "late")
        address = f"http://{proxy.host}/v2/team/late/manifests/"
        content = requests.get(f"{address}1", headers={"Accept": MANIFEST})
        proxy.cut(method="PUT", late=True)
        with pytest.raises(requests.ConnectionError):
            requests.put(f"{address}2", data=content.content, headers={"Content-Type": MANIFEST})
        assert requests.get(f"{address}2", headers={"Accept": MANIFEST}).content == content.content
        proxy.fail(2, path=".*/tags/list", status=429, headers={"Retry-After": "9"}, body=b"slow")
        for _ in range(2):
            limited = requests.get(f"http://{proxy.host}/v2/team/late/tags/list")
            assert (limited.status_code, limited.headers["Retry-After"]) == (429, "9")
            assert limited.text == "slow"
        assert requests.get(f"http://{proxy.host}/v2/team/late/tags/list").ok


def test_nothing_is_left_of_a_registry_whose_test_is_killed(locked: RunningRegistry) -> None:
    assert locked.host
    program = (
        "import time\nfrom tests.testbed.registries.registry import registry\n"
        "with registry() as found: print(found.host, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=REPOSITORY, env=REAL_ENVIRON
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"127.0.0.1:")
        started = tree_of(process.pid)
        assert len(started) == 2
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(started, timeout=20)
    assert not any(map(is_alive, started))


# With this machine's cache, which the sandbox of a test hides.
REAL_ENVIRON = dict(os.environ)


@pytest.fixture
def docker_hub() -> Iterator[Hub]:
    with hub() as found:
        tags = {f"1.{n}": digest_of(b"%d" % n) for n in range(1203)}
        found.repositories["team/app"] = Repository(tags)
        yield found


def session(found: Hub, path: str = "/v2/auth/token") -> requests.Session:
    """Logged in."""
    names = ("identifier", "secret") if "auth" in path else ("username", "password")
    login = dict(zip(names, (USERNAME, PASSWORD), strict=True))
    tokens = requests.post(f"{found.url}{path}", json=login).json()
    opened = requests.Session()
    opened.headers["Authorization"] = f"Bearer {tokens.get('access_token') or tokens['token']}"
    return opened


@pytest.mark.parametrize("path", ["/v2/auth/token", "/v2/users/login"])
def test_docker_hub_lists_a_thousand_tags(docker_hub: Hub, path: str) -> None:
    docker_hub.repositories["team/app"].uncounted = 5
    url = f"{docker_hub.url}/v2/namespaces/team/repositories/app/tags"
    with session(docker_hub, path) as opened:
        pages = []
        next_url: str | None = f"{url}?page_size=100"
        while next_url:
            pages.append(opened.get(next_url).json())
            next_url = pages[-1]["next"]
        assert len(opened.get(url).json()["results"]) == 10
        assert len(opened.get(f"{url}?page_size=1000").json()["results"]) == 100
    names = [tag["name"] for page in pages for tag in page["results"]]
    assert names == [f"1.{n}" for n in range(1202, 202, -1)]
    assert pages[0]["count"] == 1198
    assert pages[1]["previous"] == f"{url}?page=1&page_size=100"


def test_docker_hub_deletes_and_does_not(docker_hub: Hub) -> None:
    team = docker_hub.repositories["team/app"]
    team.forbidden, team.phantom = {"1.1"}, {"1.2"}
    url = f"{docker_hub.url}/v2/repositories/team/app/tags"
    docker_hub.requests_per_token = 5
    with session(docker_hub) as opened:
        statuses = [opened.delete(f"{url}/1.{n}/").status_code for n in (0, 1, 2, 0, 9999, 3)]
    assert statuses == [204, 403, 204, 404, 404, 401]
    assert {"1.0", "1.1", "1.2", "1.3"} & set(team.tags) == {"1.1", "1.2", "1.3"}


def test_docker_hub_wants_a_token(docker_hub: Hub) -> None:
    url = f"{docker_hub.url}/v2/namespaces/team/repositories"
    assert requests.get(f"{url}/app/tags").status_code == 401
    wrong = {"identifier": USERNAME, "secret": "another"}
    assert requests.post(f"{docker_hub.url}/v2/auth/token", json=wrong).status_code == 401
    with session(docker_hub) as opened:
        assert opened.get(f"{url}/nothing/tags").status_code == 404


def test_everything_ends() -> None:
    before = set(psutil.Process().children(recursive=True))
    with ExitStack() as stack:
        found = stack.enter_context(registry(tls=True))
        proxy = stack.enter_context(faulty(found.host))
        docker_hub = stack.enter_context(hub())
    assert set(psutil.Process().children(recursive=True)) == before
    assert not found.folder.exists()
    for url in (found.url, f"http://{proxy.host}", docker_hub.url):
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)
