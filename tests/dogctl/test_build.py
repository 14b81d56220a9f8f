"""build with a real Docker engine and its BuildKit."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from dogctl.tools.build_context import KEY_LABEL
from tests.conftest import REPOSITORY
from tests.dogctl.conftest import Done, Project
from tests.dogctl.test_version import Repository
from tests.eventually import eventually
from tests.testbed.engine import Engine, engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

OCI = "org.opencontainers.image."
CANARY = "canary-4711"
DOCKERFILE = """
ARG BASE=python:3.13-alpine
FROM ${BASE} AS slow
ARG SLEEP=0
RUN echo this takes a while; sleep $SLEEP
FROM slow
COPY hello.txt /
ARG VERSION
RUN echo "$VERSION" >/version
"""


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as here:
        yield here


class ImageProject(Project):
    """A project in a git repository, and the engine that its image is built by."""

    def __init__(self, root: Path, docker: Engine) -> None:
        super().__init__(root)
        self.docker = docker
        self.name = f"build-{random.SystemRandom().randrange(16**8):08x}"
        (root / "Dockerfile").write_text(DOCKERFILE)
        (root / "hello.txt").write_text("hello\n")
        (root / ".dockerignore").write_text("*\n!hello.txt\n")
        self.configure(f'[tool.dogctl]\nname = "{self.name}"\n')
        self.repository = Repository(root)
        self.repository.git("remote", "add", "origin", f"https://me:{CANARY}@example.com/app.git")
        self.commit("v1.0.0")

    def commit(self, tag: str | None = None) -> str:
        self.repository.git("add", ".")
        return self.repository.commit(tag)

    def environ(self, **variables: str) -> dict[str, str]:
        return super().environ(**{**self.docker.environ, **variables})

    def dogctl(self, *words: str, stdin: str | None = None, **variables: str) -> Done:
        done = super().dogctl(*words, stdin=stdin, **variables)
        assert "Traceback" not in done.err
        assert CANARY not in done.out + done.err
        return done

    def build(self, *words: str, **variables: str) -> dict[str, Any]:
        done = self.dogctl("build", "--json", *words, **variables)
        assert done.code == 0, done.out + done.err
        data: dict[str, Any] = done.json["data"]
        return data

    def fail(self, *words: str, **variables: str) -> dict[str, Any]:
        done = self.dogctl("build", "--json", *words, **variables)
        error: dict[str, Any] = done.json["error"]
        assert done.code == (2 if error["code"] in ("bad-config", "no-dockerfile") else 1), error
        return error

    @contextmanager
    def start(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """dogctl in the background."""
        with subprocess.Popen(
            self.argv("build", "--json", *words),
            cwd=self.root,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *words: str) -> str:
        done = subprocess.run(
            ["docker", *words], env=self.environ(), capture_output=True, text=True, check=True
        )
        return done.stdout

    def inspect(self, name: str) -> Any:
        return json.loads(self.run("image", "inspect", name))[0]

    @property
    def keeps_platforms(self) -> bool:
        """Whether the engine has the containerd image store, and not the classic one."""
        facts = json.loads(self.run("info", "--format={{json .DriverStatus}}"))
        return any("containerd" in value for _, value in facts)

    def names(self) -> set[str]:
        return set(self.run("image", "ls", "--format={{.Tag}}", self.name).split())


@pytest.fixture
def project(tmp_path: Path, docker: Engine) -> Iterator[ImageProject]:
    made = ImageProject(tmp_path, docker)
    yield made
    if ids := made.run("image", "ls", "--quiet", "--no-trunc", made.name).split():
        made.run("image", "rm", "--force", *set(ids))


def test_an_image_says_what_it_is_and_is_built_once(project: ImageProject) -> None:
    planned = project.dogctl("build", "--dry-run")
    assert "→ build: build docker.io/library/build-" in planned.out
    assert project.names() == set()
    data = project.build()
    commit = project.repository.git("rev-parse", "HEAD")
    assert data["built"]
    assert data["image"] == f"docker.io/library/{project.name}:1.0.0"
    assert data["tags"] == [data["image"], data["image"].replace("1.0.0", commit[:7])]
    assert project.names() == {"1.0.0", commit[:7]}
    found = project.inspect(data["image"])
    labels = found["Config"]["Labels"]
    created = time.strftime(
        "%Y-%m-%dT%H:%M:%SZ",
        time.gmtime(int(project.repository.git("show", "--no-patch", "--format=%ct"))),
    )
    assert labels == {
        KEY_LABEL: data["key"],
        f"{OCI}version": "1.0.0",
        f"{OCI}revision": commit,
        f"{OCI}created": created,
        f"{OCI}source": "https://example.com/app",
    }
    assert found["Created"] == created
    assert data["id"] == found["Id"]
    assert data["platforms"] == [f"{found['Os']}/{found['Architecture']}"]
    again = project.build()
    assert (again["built"], again["changed"], again["id"]) == (False, False, data["id"])
    assert "already built: nothing to do" in project.dogctl("build").out
    assert project.dogctl("build", "--dry-run").out.count("(nothing to do)") == 2


def test_what_goes_into_an_image_decides(project: ImageProject) -> None:
    first = project.build()
    (project.root / "ignored.txt").write_text("ignored")
    assert project.repository.git("status", "--short") == "?? ignored.txt"
    (project.root / ".git" / "info" / "exclude").write_text("ignored.txt\n")
    assert not project.build()["built"]
    assert project.build("--build-arg", "SLEEP=0.0")["key"] != first["key"]
    assert project.build()["built"], "the name was another image's"
    (project.root / "hello.txt").write_text("changed\n")
    changed = project.build()
    assert changed["version"].startswith("1.0.1-dev.0.")
    assert "dirty" in changed["version"]
    assert changed["revision"].endswith("-dirty")
    assert len(changed["tags"]) == 1


def test_a_base_image_that_changes_is_a_change(project: ImageProject) -> None:
    base = f"{project.name}:base"
    project.run("tag", "python:3.13-alpine", base)
    first = project.build("--build-arg", f"BASE={base}")
    assert not project.build("--build-arg", f"BASE={base}")["built"]
    project.run("tag", first["id"], base)
    assert project.build("--build-arg", f"BASE={base}")["key"] != first["key"]


def test_a_commit_that_changes_nothing_is_built_from_the_cache(project: ImageProject) -> None:
    text = DOCKERFILE.replace('ARG VERSION\nRUN echo "$VERSION" >/version\n', "")
    (project.root / "Dockerfile").write_text(text)
    project.commit()
    first = project.build()
    commit = project.commit()
    second = project.build()
    assert second["built"]
    assert second["version"].endswith(f"g{commit}")
    layers = [project.inspect(each["id"])["RootFS"]["Layers"] for each in (first, second)]
    assert layers[0] == layers[1]


def test_the_same_commit_is_the_same_image(project: ImageProject) -> None:
    first = project.build()
    forced = project.build("--force")
    assert (forced["built"], forced["id"]) == (True, first["id"])
    assert any("reproducible from the same cache only" in note for note in forced["notes"])
    assert project.build("--no-cache")["built"]


def test_tags_are_added_without_a_build(project: ImageProject) -> None:
    project.build()
    # dogctl's settings are not in the image, and a change of them is no other version.
    project.repository.git("update-index", "--assume-unchanged", "pyproject.toml")
    project.repository.git("checkout", "--quiet", "-b", "dogs/new")
    project.configure(f'[tool.dogctl]\nname = "{project.name}"\ntags = ["latest", "{{branch}}"]\n')
    data = project.build()
    assert [step["status"] for step in data["steps"]] == ["unchanged", "done"]
    assert [tag.rpartition(":")[2] for tag in data["tags"][2:]] == ["latest", "dogs-new"]
    assert {"latest", "dogs-new"} < project.names()
    assert {project.inspect(tag)["Id"] for tag in data["tags"]} == {data["id"]}


def test_progress_is_lines_and_events(project: ImageProject) -> None:
    done = project.dogctl("build", "--build-arg", "SLEEP=0.1")
    assert "  build: [slow 2/2] this takes a while\n" in done.err
    assert "[internal]" not in done.err
    events = project.dogctl("build", "--events", "--no-cache").events
    told = [event["message"] for event in events if event["event"] == "step-progress"]
    assert "[stage-1 1/2] COPY hello.txt /" in told


def test_a_build_that_fails_shows_the_step_and_its_lines(project: ImageProject) -> None:
    old = project.build()
    (project.root / "Dockerfile").write_text(f"{DOCKERFILE}RUN echo the cause of it; false\n")
    error = project.fail()
    assert error["code"] == "image-build-failed"
    assert "RUN echo the cause of it; false failed" in error["message"]
    assert "the cause of it" in error["detail"]
    assert any("exit code: 1" in line for line in error["detail"])
    assert {project.inspect(tag)["Id"] for tag in old["tags"]} == {old["id"]}


@pytest.mark.parametrize(
    ("dockerfile", "code"),
    [
        ("FROM localhost:1/nowhere:1\n", "base-image-unreadable"),
        ("FROMM x\n", "image-build-failed"),
        ("FROM python:3.13-alpine\nRUN echo No space left on device; false\n", "disk-full"),
        (None, "no-dockerfile"),
    ],
)
def test_what_cannot_be_built_is_told(
    project: ImageProject, dockerfile: str | None, code: str
) -> None:
    if dockerfile is None:
        (project.root / "Dockerfile").unlink()
    else:
        (project.root / "Dockerfile").write_text(dockerfile)
    error = project.fail()
    assert error["code"] == code, error
    assert error["hint"]


def test_without_an_engine_or_buildx_it_says_so(project: ImageProject) -> None:
    error = project.fail(DOCKER_HOST="unix:///nowhere.sock")
    assert (error["code"], error["where"]) == ("engine-unreachable", "unix:///nowhere.sock")
    plain = {"DOCKER_CONFIG": str(project.root), "HOME": str(project.root)}
    version = subprocess.run(
        ["docker", "buildx", "version"], env=project.environ(**plain), check=False
    )
    if version.returncode:  # else this machine has the plugin where every client finds it
        error = project.fail(**plain)
        assert error["code"] == "buildx-missing"
        assert "docs.docker.com/build/install-buildx" in error["hint"]


def test_platforms_that_cannot_be_had_are_told(project: ImageProject) -> None:
    (project.root / "Dockerfile").write_text("FROM scratch\nCOPY hello.txt /\n")
    own = project.build()["platforms"][0]
    assert project.build("--platform", own)["platforms"] == [own]
    both = sorted((own, "linux/riscv64"))
    if project.keeps_platforms:
        assert project.build("--platform", ",".join(both))["platforms"] == both
        assert not project.build("--platform", ",".join(both))["built"]
    else:
        assert project.fail("--platform", ",".join(both))["code"] == "one-platform-only"


def test_a_platform_without_emulation_is_told(project: ImageProject) -> None:
    (project.root / "hello.txt").chmod(0o755)
    text = "FROM scratch\nCOPY hello.txt /sh\n"
    (project.root / "Dockerfile").write_text(text)
    assert project.build("--platform", "linux/riscv64")["platforms"] == ["linux/riscv64"]
    (project.root / "Dockerfile").write_text(f'{text}RUN ["/sh"]\n')
    error = project.fail("--platform", "linux/riscv64")
    assert error["code"] == "platform-missing", error
    assert "--install riscv64" in error["hint"]


def test_a_secret_reaches_the_build_and_nothing_else(project: ImageProject) -> None:
    head, copy, tail = DOCKERFILE.partition("COPY")
    seen = (
        "RUN --mount=type=secret,id=PIP_TOKEN tee /dev/stderr </run/secrets/PIP_TOKEN | wc -c >/n\n"
    )
    (project.root / "Dockerfile").write_text(head + seen + copy + tail)
    project.configure(f'[tool.dogctl]\nname = "{project.name}"\nbuild-secrets = ["PIP_TOKEN"]\n')
    assert project.dogctl("build").code == 2, "it is not set"
    data = project.build(PIP_TOKEN=CANARY)  # which looks for it in what dogctl prints
    image = data["image"]
    assert project.run("run", "--rm", image, "cat", "/n").strip() == str(len(CANARY))
    facts = project.run("history", "--no-trunc", image) + json.dumps(project.inspect(image))
    assert CANARY not in facts
    done = project.dogctl("build", "--build-arg", f"PIP_TOKEN={CANARY}")
    assert (done.code, "build-secrets" in done.err) == (2, True)


def test_local_data_never_gets_into_an_image(project: ImageProject) -> None:
    secret = project.root / ".dogctl" / "data" / "password"
    secret.parent.mkdir(parents=True)
    secret.write_text(CANARY)
    (project.root / ".dogctl" / ".gitignore").write_text("*\n")  # as dogctl up does it
    (project.root / ".dockerignore").write_text("hello.txt\n")
    (project.root / "docker").mkdir()
    text = DOCKERFILE.replace("COPY hello.txt /", "COPY . /context")
    (project.root / "docker" / "App.Dockerfile").write_text(text)
    project.configure(
        f'[tool.dogctl]\nname = "{project.name}"\ndockerfile = "docker/App.Dockerfile"\n'
    )
    files = project.run("run", "--rm", project.build()["image"], "find", "/context")
    assert "/context/docker/App.Dockerfile" in files
    assert ".dogctl" not in files
    assert "hello.txt" not in files
    assert not project.build()["built"]


def test_a_cache_that_the_builder_cannot_fill_is_told(project: ImageProject) -> None:
    cache = project.root / "cache"
    project.configure(
        f'[tool.dogctl]\nname = "{project.name}"\n'
        f'cache-to = ["type=inline", "type=local,dest={cache}"]\n'
    )
    notes = [note for note in project.build()["notes"] if note.startswith("no layers were left in")]
    if project.keeps_platforms:
        assert (notes, (cache / "index.json").is_file()) == ([], True)
    else:
        assert f"type=local,dest={cache}: the docker driver cannot" in notes[0]


def test_two_at_once_build_one_image(project: ImageProject) -> None:
    words = ("--build-arg", "SLEEP=1")
    with project.start(*words) as one, project.start(*words) as other:
        answers = [json.loads(each.communicate()[0]) for each in (one, other)]
    assert sorted(answer["data"]["built"] for answer in answers) == [False, True]
    assert len({answer["data"]["id"] for answer in answers}) == 1


def builds(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The programs that a dogctl has started to build."""
    with suppress(psutil.Error):
        children = psutil.Process(process.pid).children(recursive=True)
        words = [(each, each.cmdline()) for each in children]
        return [each for each, argv in words if {"buildx", "build"} <= set(argv)]
    return []


def test_an_interrupt_leaves_the_old_image_under_all_of_its_names(project: ImageProject) -> None:
    old = project.build()
    for number in (signal.SIGINT, signal.SIGTERM):
        with project.start("--build-arg", "SLEEP=100") as process:
            eventually(lambda: bool(builds(process)))
            running = builds(process)
            process.send_signal(number)
            answer = json.loads(process.communicate(timeout=60)[0])
        assert (process.returncode, answer["error"]["code"]) == (130, "cancelled")
        assert psutil.wait_procs(running, timeout=60)[1] == []
        assert {project.inspect(tag)["Id"] for tag in old["tags"]} == {old["id"]}
    assert not project.build()["built"]


def test_killed_at_any_moment_the_next_build_ends_in_an_image(project: ImageProject) -> None:
    moments = random.Random(5)
    for number in range(5):
        (project.root / "hello.txt").write_text(str(number))
        commit = project.commit()
        with project.start("--build-arg", "SLEEP=0.5"):
            time.sleep(moments.uniform(0.2, 2))
        data = project.build("--build-arg", "SLEEP=0.5")
        assert {project.inspect(tag)["Id"] for tag in data["tags"]} == {data["id"]}
        assert commit in project.names()
        assert project.run("run", "--rm", data["image"], "cat", "/hello.txt") == str(number)


def test_the_bundled_app_from_a_clone(project: ImageProject) -> None:
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copy(REPOSITORY / name, project.root)
    for name in ("requirements", "templates", "webapp"):
        shutil.copytree(REPOSITORY / name, project.root / name)
    commit = project.commit("v2.0.0")
    with project.start() as process:  # it downloads packages, however long that takes
        data = json.loads(process.communicate()[0])["data"]
    labels = project.inspect(data["image"])["Config"]["Labels"]
    assert labels[f"{OCI}title"] == "Dog GIF app"
    assert labels[f"{OCI}source"] == "https://example.com/app"
    environ = project.inspect(data["image"])["Config"]["Env"]
    assert "APP_VERSION=2.0.0" in environ
    assert commit in project.names()
    assert not project.build()["built"]
