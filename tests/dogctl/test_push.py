"""`dogctl push` with a real engine and a real registry that wants a password."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from dogctl.image import ImageRef
from dogctl.registries.base import Login
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Secret
from tests.dogctl.conftest import Done, Project
from tests.eventually import eventually
from tests.testbed.engine import Engine, engine
from tests.testbed.registries.faults import FaultyProxy, faulty
from tests.testbed.registries.registry import (
    PASSWORD,
    USERNAME,
    RunningRegistry,
    binary,
    registry,
)

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
LOGIN = Login(USERNAME, Secret(PASSWORD))


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def here() -> Iterator[Engine]:
    with engine() as found:
        yield found


@pytest.fixture(scope="module")
def client(here: Engine) -> Iterator[docker.DockerClient]:
    found = docker.DockerClient(here.environ.get("DOCKER_HOST"), timeout=120)
    yield found
    found.close()


@pytest.fixture(scope="module")
def locked(here: Engine) -> Iterator[RunningRegistry]:
    """Wants a password."""
    with registry(password=PASSWORD, network=here.network) as found:
        yield found


@pytest.fixture
def proxy(locked: RunningRegistry, here: Engine) -> Iterator[FaultyProxy]:
    with faulty(locked.host, here.network) as found:
        yield found


class PushProject(Project):
    """A project at its first commit whose image goes to a registry."""

    def __init__(self, root: Path, here: Engine, client: docker.DockerClient, host: str) -> None:
        super().__init__(root)
        self.here = here
        self.client = client
        self.host = host
        self.repository = f"{host}/team/{root.name.lower().replace('_', '-')}"
        self.configure('[tool.dogctl]\nname = "tiny"\ntags = ["latest"]\n')
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message=first")
        self.sha = self.git("rev-parse", "HEAD").strip()[:7]
        self.version = f"0.0.0-dev.1.g{self.sha}"

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=dog", "-c", "user.email=dog@example.com"]
        argv = ["git", *who, *words]
        return subprocess.run(
            argv, cwd=self.root, check=True, capture_output=True, text=True
        ).stdout

    def image(self, *extra: str, layers: int = 2, size: int = 300_000) -> str:
        """Build what `dogctl build` would; the id of an image that no registry has."""
        folder = self.root.parent / "context"
        folder.mkdir(exist_ok=True)
        lines = ["FROM scratch"]
        for number in range(layers):
            (folder / f"data{number}").write_bytes(os.urandom(size))
            lines.append(f"COPY data{number} /data{number}")
        (folder / "Dockerfile").write_text("\n".join(lines))
        built, _ = self.client.images.build(path=str(folder), rm=True)
        for tag in (self.version, self.sha, *extra):
            built.tag(self.repository, tag)
        return str(built.id)

    def argv(self, *words: str) -> list[str]:
        return self.here.command("env", f"--chdir={self.root}", *super().argv(*words))

    def environ(self, **variables: str) -> dict[str, str]:
        login = {"DOCKER_USERNAME": USERNAME, "DOCKER_PASSWORD": PASSWORD}
        here = {**self.here.environ, "DOCKER_REPO": self.repository, **login}
        # Without the plugins' folder the client's own configuration is that of the test's home.
        return {**super().environ(**here), "DOCKER_CONFIG": os.environ["HOME"], **variables}

    def dogctl(self, *words: str, stdin: str | None = None, **variables: str) -> Done:
        done = super().dogctl(*words, stdin=stdin, **variables)
        assert "Traceback" not in done.err
        assert_no_canary(done.out, done.err)
        return done

    def push(self, *words: str, **variables: str) -> Any:
        """The answer of a push that went well."""
        done = self.dogctl("push", "--json", *words, **variables)
        assert done.code == 0, done.err
        return done.json["data"]

    def failure(self, *words: str, **variables: str) -> Any:
        """The error of one that did not."""
        done = self.dogctl("push", "--json", *words, **variables)
        assert done.code != 0, done.out
        return done.json["error"]

    def resolve(self, tag: str) -> str | None:
        """The digest that the registry itself has."""
        ref = ImageRef.parse(self.repository).tagged(tag)
        with self.here.network():
            found = OciRegistry(self.host, lambda: LOGIN).resolve(ref)
        return str(found) if found else None

    @contextmanager
    def start(self, *words: str) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
        """dogctl in the background: what to wait for, and the process itself."""
        with subprocess.Popen(
            self.argv("push", *words),
            cwd=self.root,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as outer:
            process = psutil.Process(outer.pid)
            if self.here.namespaces:
                eventually(lambda: bool(process.children()))
                process = process.children()[0]
            try:
                yield outer, process
            finally:
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def assert_no_canary(*texts: str) -> None:
    for text in texts:
        assert PASSWORD not in text
        assert json.dumps(PASSWORD)[1:-1] not in text


@pytest.fixture
def project(
    tmp_path: Path, here: Engine, client: docker.DockerClient, proxy: FaultyProxy
) -> Iterator[PushProject]:
    """Behind faults."""
    yield from a_project(tmp_path, here, client, proxy.host)


def a_project(
    folder: Path, here: Engine, client: docker.DockerClient, host: str
) -> Iterator[PushProject]:
    root = folder / "app"
    root.mkdir()
    found = PushProject(root, here, client, host)
    yield found
    for image in client.images.list(found.repository):
        client.images.remove(str(image.id), force=True)


def test_a_push_ends_in_a_digest_and_another_one_has_nothing_to_do(
    project: PushProject, proxy: FaultyProxy
) -> None:
    project.image()
    assert "(nothing to do)" not in project.dogctl("push", "--dry-run").out
    first = project.push()
    assert (first["pushed"], first["tagged"]) == (True, [project.version, "latest"])
    assert first["tags"] == [project.version, "latest", project.sha]
    assert first["image"] == f"{project.repository}:{project.version}@{first['digest']}"
    for tag in first["tags"]:
        assert project.resolve(tag) == first["digest"]
    before = len(proxy.seen)
    again = project.push()
    assert (again["changed"], again["digest"]) == (False, first["digest"])
    assert {one.method for one in proxy.seen[before:]} <= {"HEAD", "GET"}
    assert "is already pushed: nothing to do" in project.dogctl("push").out
    assert project.dogctl("push", "--dry-run").out.count("(nothing to do)") == 2
