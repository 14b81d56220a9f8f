"""`dogctl push` with a real engine and a real registry that wants a password."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from dogctl.image import ImageRef
from dogctl.registries.base import Login
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Secret
from tests.dogctl.conftest import Done
from tests.dogctl.engine_project import EngineProject
from tests.testbed.engine import Engine, engine
from tests.testbed.registries.content import Uploader
from tests.testbed.registries.faults import FaultyProxy, faulty
from tests.testbed.registries.registry import (
    PASSWORD,
    USERNAME,
    RunningRegistry,
    binary,
    registry,
)
from tests.testbed.registries.tokens import SERVICE, TokenServer, token_server

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


class PushProject(EngineProject):
    """A project at its first commit whose image goes to a registry."""

    def __init__(self, root: Path, here: Engine, client: docker.DockerClient, host: str) -> None:
        super().__init__(root, here)
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

    def environ(self, **variables: str) -> dict[str, str]:
        login = {"DOCKER_USERNAME": USERNAME, "DOCKER_PASSWORD": PASSWORD}
        here = {"DOCKER_REPO": self.repository, **login}
        # Without the plugins' folder the client's own configuration is that of the test's home.
        return {**super().environ(**here), "DOCKER_CONFIG": os.environ["HOME"], **variables}

    def dogctl(self, *words: str, stdin: str | None = None, **variables: str) -> Done:
        done = super().dogctl(*words, stdin=stdin, **variables)
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
        with self.docker.network():
            found = OciRegistry(self.host, lambda: LOGIN).resolve(ref)
        return str(found) if found else None


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


def test_what_build_made_is_pushed(project: PushProject) -> None:
    (project.root / "Dockerfile").write_text("FROM scratch\nCOPY pyproject.toml /\n")
    project.git("add", ".")
    project.git("commit", "--quiet", "--message=second")
    plugins = {**os.environ, **project.docker.environ}.get("DOCKER_CONFIG", "")
    built = project.dogctl("build", "--json", DOCKER_CONFIG=plugins)
    assert built.code == 0, built.err
    pushed = project.push()
    names = {f"{project.repository}:{tag}" for tag in pushed["tags"]}
    assert names == set(built.json["data"]["tags"])
    assert pushed["image"] == f"{built.json['data']['image']}@{pushed['digest']}"


def test_a_candidate_is_promoted_without_pushing(project: PushProject, proxy: FaultyProxy) -> None:
    project.image()
    assert project.failure("--promote")["code"] == "no-candidate"
    candidate = project.push("--candidate")
    assert candidate["tags"] == [project.sha]
    assert project.resolve(project.version) is None
    before = len(proxy.seen)
    away = "unix:///nowhere.sock"
    promoted = project.push("--promote", "--tag", "stable", DOCKER_HOST=away)
    assert promoted["tagged"] == [project.version, "latest", "stable"]
    assert promoted["digest"] == candidate["digest"] == project.resolve("stable")
    assert not any(one.method in ("POST", "PATCH") for one in proxy.seen[before:])
    assert project.push("--promote", DOCKER_HOST=away)["changed"] is False
    rest = project.push()
    assert (rest["changed"], rest["digest"]) == (False, candidate["digest"])


def test_a_released_version_stays_the_image_that_it_is(project: PushProject) -> None:
    project.git("tag", "v1.0.0")
    project.version = "1.0.0"
    project.image()
    first = project.push()["digest"]
    project.image()
    error = project.failure()
    assert (error["code"], error["where"]) == (
        "version-taken",
        f"{project.repository}:1.0.0@{first}",
    )
    assert project.resolve("1.0.0") == project.resolve("latest") == first
    assert project.dogctl("push", "--promote", "--dry-run").code == 1
    second = project.push("--force")["digest"]
    assert project.resolve("1.0.0") == project.resolve("latest") == second != first


def test_a_repository_that_nobody_may_look_into_before_its_first_push(
    project: PushProject, proxy: FaultyProxy
) -> None:
    project.image()
    denied = (
        b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
    )
    looks, path = 2 * len(("HEAD", "GET")), ".*/manifests/.*"
    login = {"WWW-Authenticate": 'Basic realm="here"'}
    proxy.fail(1, method="HEAD", path=path, status=401, headers=login)
    proxy.fail(looks, method="HEAD|GET", path=path, status=403, body=denied)
    assert project.push()["digest"] == project.resolve(project.version)


def test_an_index_of_two_platforms_is_promoted_as_a_whole(
    project: PushProject, locked: RunningRegistry
) -> None:
    with project.docker.network():
        up = Uploader(locked, project.repository.partition("/")[2])
        children = {arch: up.image("", f"index {arch}") for arch in ("amd64", "arm64")}
        index = up.index(project.sha, children)
    assert project.push("--promote")["digest"] == index
    assert project.resolve("latest") == index


def test_another_image_is_pushed_under_the_names_of_this_version(
    project: PushProject, client: docker.DockerClient
) -> None:
    assert project.failure("--image", "No Image")["code"] == "bad-image"
    error = project.failure("--image", "no-such:image")
    assert (error["code"], error["where"]) == ("no-such-image", "--image")
    image = client.images.get(project.image())
    image.tag("of-another-name", "1")
    for tag in (project.version, project.sha):
        client.images.remove(f"{project.repository}:{tag}")
    assert project.failure()["code"] == "image-not-built"
    pushed = project.push("--image", "of-another-name:1")
    assert pushed["digest"] == project.resolve(project.version) == project.resolve(project.sha)


def test_an_unclean_tree_is_its_own_candidate(project: PushProject) -> None:
    image = project.image()
    (project.root / "new.py").touch()
    assert project.failure()["code"] == "image-not-built"
    pushed = project.push("--image", image)
    assert ".dirty." in pushed["candidate"]
    assert pushed["tags"] == ["latest", pushed["candidate"]]


def test_what_is_missing_is_told(project: PushProject) -> None:
    error = project.failure()
    assert (error["code"], error["hint"]) == ("image-not-built", "dogctl build")
    error = project.failure(DOCKER_REPO="", DOCKER_USERNAME="")
    assert (error["code"], error["where"]) == ("no-repository", "DOCKER_REPO")
    assert "DOCKER_USERNAME" in error["hint"]
    error = project.failure(DOCKER_HOST="unix:///nowhere.sock")
    assert error["code"] == "engine-unreachable"
    assert project.failure("--promote", "--candidate")["code"] == "usage"
    assert project.failure("--tag", "-x")["code"] == "bad-tag"


def test_faults_are_survived(project: PushProject, proxy: FaultyProxy) -> None:
    project.image()
    blobs, manifests = ".*/blobs/uploads/.*", ".*/manifests/.*"
    limited = {"status": 429, "headers": {"Retry-After": "1"}}
    proxy.fail(1, method="HEAD", path=manifests, **limited)
    proxy.fail(1, method="HEAD", path=manifests, status=503)
    proxy.fail(1, method="POST", path=blobs, **limited, body=b"slow down")
    proxy.cut(1, method="PATCH", path=blobs, after=100_000)
    proxy.cut(1, method="PUT", path=manifests, late=True)
    done = project.dogctl("push", "--json", "--events")
    assert done.code == 0, done.err
    assert done.json["data"]["digest"] == project.resolve(project.version)
    said = [event["message"] for event in done.events if event["event"] == "step-progress"]
    assert any("limits the rate of requests; again in 2 s" in message for message in said), said
    assert any("failed; again in 8 s" in message for message in said), said
    tries = 3
    assert max(map(said.count, said)) <= tries, "one line when a layer is in another state"
    assert proxy.count("PATCH", status=0) == 1


AMAZON = (
    b'{"errors":[{"code":"TAG_INVALID","message":"The image tag already exists in the repository'
    b' and cannot be overwritten because the tag is immutable."}]}'
)
GOOGLE_QUOTA = b'{"errors":[{"code":"DENIED","message":"this would exceed the quota"}]}'
NO_REPOSITORY = b'{"errors":[{"code":"NAME_UNKNOWN","message":"Repository not found"}]}'


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, AMAZON, "tag-immutable"),
        (403, GOOGLE_QUOTA, "registry-quota"),
        (404, NO_REPOSITORY, "no-such-repository"),
        (403, b'{"errors":[{"code":"DENIED","message":"no"}]}', "registry-denied"),
    ],
)
def test_a_refusal_has_a_cause(
    project: PushProject, proxy: FaultyProxy, status: int, body: bytes, code: str
) -> None:
    project.image()
    proxy.fail(99, method="PUT", path=".*/manifests/.*", status=status, body=body)
    error = project.failure("--candidate")
    assert error["code"] == code, error
    assert proxy.count("PUT", ".*/manifests/.*", status=status) == 1, "not tried again"


def test_a_long_limit_is_told_with_its_time(project: PushProject, proxy: FaultyProxy) -> None:
    project.image()
    answer = {"status": 429, "headers": {"Retry-After": "7200"}}
    proxy.fail(99, method="HEAD|GET", path=".*/manifests/.*", **answer)
    done = project.dogctl("push", "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "registry-rate-limit")
    assert "7200 s" in done.json["error"]["message"]
    assert done.json["data"]["retry_after_seconds"] == 7200


def test_an_immutable_tag_that_is_on_this_image_already_is_no_failure(
    project: PushProject, proxy: FaultyProxy, client: docker.DockerClient
) -> None:
    """Another machine that builds the same, and an answer that was lost."""
    image = project.image()
    first = project.push()
    # The engine forgets what it has pushed, as one that never did.
    saved = b"".join(client.images.get(image).save())
    client.images.remove(image, force=True)
    (loaded,) = client.images.load(saved)
    assert loaded.id == image
    for tag in (project.version, project.sha):
        loaded.tag(project.repository, tag)
    proxy.fail(99, method="PUT", path=".*/manifests/.*", status=400, body=AMAZON)
    assert project.push()["digest"] == first["digest"]


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({"DOCKER_PASSWORD": "canary-another"}, "registry-login-refused"),
        ({"DOCKER_PASSWORD": "", "DOCKER_USERNAME": ""}, "registry-not-logged-in"),
    ],
)
def test_who_is_not_logged_in_is_told_so(
    project: PushProject, login: dict[str, str], code: str
) -> None:
    project.image()
    done = project.dogctl("push", "--json", **login)
    assert done.json["error"]["code"] == code
    assert f"docker login {project.host}" in done.json["error"]["hint"]
    assert "canary" not in done.out + done.err


def test_the_users_own_login_is_used_and_left_alone(project: PushProject) -> None:
    project.image()
    words = f"{USERNAME}:{PASSWORD}".encode()
    own = {"auths": {project.host: {"auth": base64.b64encode(words).decode()}}}
    config = Path(os.environ["HOME"]) / "config.json"
    config.write_text(json.dumps(own))
    assert project.push(DOCKER_PASSWORD="", DOCKER_USERNAME="")["pushed"]
    assert json.loads(config.read_text()) == own


def test_an_untrusted_certificate_is_told(
    tmp_path: Path, here: Engine, client: docker.DockerClient
) -> None:
    with registry(password=PASSWORD, tls=True, network=here.network) as secure:
        for project in a_project(tmp_path, here, client, secure.host):
            project.image()
            error = project.failure()
            assert error["code"] == "untrusted-certificate"
            assert f"/etc/docker/certs.d/{secure.host}/ca.crt" in error["hint"]


def test_tokens_that_expire_are_renewed(
    tmp_path: Path, here: Engine, client: docker.DockerClient
) -> None:
    with (
        token_server(USERNAME, PASSWORD, here.network) as tokens,
        registry(token=tokens.settings, network=here.network) as tokened,
        faulty(tokened.host, here.network) as proxy,
    ):
        for project in a_project(tmp_path, here, client, proxy.host):
            project.image()
            expired = {"WWW-Authenticate": challenge(tokens, project.repository)}
            path = f".*/manifests/{project.version}"
            proxy.fail(1, method="HEAD", path=path, status=401, headers=expired)
            proxy.fail(1, method="PUT", path=path, status=401, headers=expired)
            digest = project.push()["digest"]
            assert project.resolve(project.version) == digest
            assert proxy.count("HEAD|PUT", path, status=401) >= 2


def challenge(tokens: TokenServer, repository: str) -> str:
    """What a registry says to a token that is over."""
    scope = f"repository:{repository.partition('/')[2]}:pull,push"
    return f'Bearer realm="{tokens.url}",service="{SERVICE}",scope="{scope}",error="invalid_token"'


LAST = ("PUT", ".*/manifests/.*")


def test_killed_at_any_moment_the_next_push_converges(
    project: PushProject, proxy: FaultyProxy
) -> None:
    project.image(layers=4, size=2_000_000)
    for method, path in (("POST", ".*"), ("PATCH", ".*"), ("PUT", ".*/blobs/.*"), LAST):
        with proxy.hold(method=method, path=path) as came, project.start("push") as (_, process):
            assert came.wait(60)
            process.kill()
    digest = project.push()["digest"]
    assert digest == project.resolve(project.version) == project.resolve(project.sha)
    assert project.push()["changed"] is False


def test_an_interrupt_stops_soon_even_while_the_engine_is_silent(
    project: PushProject, proxy: FaultyProxy
) -> None:
    project.image()
    # The engine waits for a registry that does not answer.
    with proxy.hold(method="POST") as came, project.start("push", "--json") as (outer, process):
        assert came.wait(60)
        process.send_signal(signal.SIGINT)
        answer = json.loads(outer.communicate(timeout=20)[0])
    assert (outer.returncode, answer["error"]["code"]) == (130, "cancelled")
    assert project.push()["digest"] == project.resolve(project.version)


def test_two_at_once_end_in_one_digest(project: PushProject) -> None:
    project.image(layers=3, size=1_000_000)
    with project.start("push", "--json") as (one, _), project.start("push", "--json") as (other, _):
        answers = [json.loads(outer.communicate(timeout=60)[0]) for outer in (one, other)]
    assert [answer["exit_code"] for answer in answers] == [0, 0], answers
    digests = {answer["data"]["digest"] for answer in answers}
    assert digests == {project.resolve(project.version)}


def test_the_password_is_nowhere(project: PushProject, sandbox: Path) -> None:
    project.image(layers=4, size=2_000_000)
    with project.start("push", "--events") as (outer, process):
        lines = Sampler(process)
        lines.start()
        texts = outer.communicate(timeout=60)
        lines.join()
    assert outer.returncode == 0, texts
    assert lines.seen
    assert_no_canary(*texts, *lines.seen)
    for folder in (project.root, sandbox):
        for path in folder.rglob("*"):
            if path.is_file():
                assert_no_canary(path.read_text(errors="replace"))


class Sampler(threading.Thread):
    """Reads the command lines of all processes as long as one runs."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.seen: set[str] = set()

    def run(self) -> None:
        while self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    self.seen.add(path.read_text(errors="replace").replace("\0", " "))
