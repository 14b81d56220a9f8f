"""The image, built by a real engine from a clone, and one container of it without a stack."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.eventually import eventually
from tests.test_image import MOST_BYTES
from tests.testbed.engine import Engine, engine
from tests.webapp.conftest import picture

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

BASE = "python:3.13-alpine"
SECRET = "geheim-4711"
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Image:
    """An image, and the folder that it is built from."""

    engine: Engine = field(repr=False)
    context: Path
    tag: str

    def docker(self, *words: str, content: bytes | None = None) -> bytes:
        done = subprocess.run(
            ["docker", *words],
            cwd=self.context,
            env={**os.environ, **self.engine.environ, "DB_PASSWORD": SECRET},
            input=content,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def build(self) -> None:
        self.docker("build", "--build-arg", "VERSION=1.2.3", "--tag", self.tag, ".")

    def inspect(self, name: str) -> dict[str, Any]:
        (facts,) = json.loads(self.docker("inspect", name))
        assert isinstance(facts, dict)
        return facts


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Built from a clone that has secrets lying about, made where the umask is strict."""
    context = tmp_path_factory.mktemp("clone")
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copy(REPOSITORY / name, context)
    for name in ("requirements", "templates", "webapp"):
        shutil.copytree(REPOSITORY / name, context / name)
    for name in (".env", "requirements/.env", ".git/config", ".dogctl/secrets"):
        (context / name).parent.mkdir(exist_ok=True)
        (context / name).write_text(SECRET)
    for path in context.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    with engine() as running:
        image = Image(running, context, f"image-{os.getpid()}:test")
        image.build()
        yield image
        image.docker("image", "rm", image.tag)


@pytest.fixture(scope="module")
def container(image: Image) -> Iterator[str]:
    """The name of a container on a read-only system that keeps its data in a volume."""
    name = f"container-{os.getpid()}"
    hardened = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    places = ["--tmpfs=/tmp", f"--volume={name}:/data", "--publish=127.0.0.1::5000"]
    image.docker("run", "--detach", "--name", name, *hardened, *places, image.tag)
    try:
        eventually(lambda: image.inspect(name)["State"]["Health"]["Status"] == "healthy")
        yield name
    finally:
        image.docker("rm", "--force", name)
        image.docker("volume", "rm", name)


@pytest.fixture
def get(image: Image, container: str) -> Callable[[str], requests.Response]:
    """Asks the container for a path; its port is another one after a restart."""

    def get(path: str) -> requests.Response:
        address = image.docker("port", container, "5000").decode().strip()
        with image.engine.network():
            return requests.get(f"http://{address}{path}", timeout=15)

    return get


def test_it_adds_little_to_its_base(image: Image) -> None:
    assert image.inspect(image.tag)["Size"] - image.inspect(BASE)["Size"] < MOST_BYTES


def test_it_says_what_it_is(image: Image) -> None:
    labels = image.inspect(image.tag)["Config"]["Labels"]
    prefix = "org.opencontainers.image"
    assert labels[f"{prefix}.title"] == "Dog GIF app"
    assert labels[f"{prefix}.version"] == "1.2.3"
    for name in ("description", "licenses", "source", "revision", "created"):
        assert labels[f"{prefix}.{name}"]


def test_it_is_nobody_by_number(image: Image, container: str) -> None:
    assert image.inspect(image.tag)["Config"]["User"] == "10001:10001"
    ask = "import os; print(os.getuid(), os.access('/app/webapp', os.W_OK))"
    assert image.docker("exec", container, "python", "-c", ask) == b"10001 False\n"


def test_its_health_check_needs_no_other_program(image: Image) -> None:
    check = image.inspect(image.tag)["Config"]["Healthcheck"]["Test"]
    assert check == ["CMD", "python", "-m", "webapp.probe"]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "JPEG", "WEBP"])
def test_pictures_are_added_and_shown(
    image: Image, container: str, get: Callable[[str], requests.Response], kind: str
) -> None:
    content = picture(kind)
    admin = ["exec", "--interactive", container, "python", "-m", "webapp.admin"]
    added = json.loads(image.docker(*admin, "gifs", "add", "-", content=content))
    shown = get(f"/image/{added['picture']['id']}")
    assert shown.content == content
    assert shown.headers["Content-Type"] == f"image/{kind.lower()}"


def test_the_count_outlives_a_stop_that_is_no_failure(
    image: Image, container: str, get: Callable[[str], requests.Response]
) -> None:
    assert get("/").status_code == 200
    visits = get("/api/visits").json()["visits"]
    # Killed after these seconds, it would end with 137.
    image.docker("stop", "--time=5", container)
    assert image.inspect(container)["State"]["ExitCode"] == 0
    image.docker("start", container)
    eventually(lambda: image.inspect(container)["State"]["Health"]["Status"] == "healthy")
    assert get("/api/visits").json() == {"visits": visits}


def test_a_change_of_the_code_leaves_the_packages_alone(image: Image) -> None:
    *before, code = image.inspect(image.tag)["RootFS"]["Layers"]
    with (image.context / "webapp" / "__init__.py").open("a") as file:
        file.write("# changed\n")
    image.build()
    *after, changed = image.inspect(image.tag)["RootFS"]["Layers"]
    assert after == before
    assert changed != code


def test_no_secret_is_in_it(image: Image) -> None:
    assert SECRET not in image.docker("history", "--no-trunc", image.tag).decode()
    content = b"".join(blobs(image.docker("save", image.tag)))
    assert b"def create_app" in content
    assert SECRET.encode() not in content


def blobs(saved: bytes) -> Iterator[bytes]:
    """Everything in a saved image, unpacked."""
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        for member in archive:
            if file := archive.extractfile(member):
                content = file.read()
                yield gzip.decompress(content) if content.startswith(GZIP) else content
