"""docker buildx: the exact command lines, and how what it prints is read."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dogctl.errors import ToolError
from dogctl.image import ImageRef
from dogctl.lifecycle.builder import build_failure
from dogctl.tools.build_progress import LINES, BuildProgress
from dogctl.tools.buildx import Builder, Buildx, Order, read_builder
from dogctl.tools.runner import NOT_STARTED, Completed

IMAGE = ImageRef.parse("team/app")
DOCKERFILE = Path("/app/Dockerfile")
# As buildx 0.13 and 0.11 print it.
OWN = """Name:   default
Driver: docker

Nodes:
Name:             default
Endpoint:         default
Status:           running
BuildKit version: v0.0.0+unknown
Platforms:        linux/amd64, linux/amd64/v2, linux/386
Labels:
 org.mobyproject.buildkit.worker.moby.host-gateway-ip: 172.17.0.1
"""
CONTAINER = """Name:          big
Driver:        docker-container
Last Activity: 2026-01-01 10:00:00 +0000 UTC

Nodes:
Name:      big0
Endpoint:  unix:///var/run/docker.sock
Status:    running
Buildkit:  v0.13.2
Platforms: linux/arm64*, linux/amd64

Name:      big1
Buildkit:  v0.9.0
Platforms: linux/s390x
"""


class Answers:
    """A Runner that answers what it is told to."""

    def __init__(self, code: int, stdout: str = "") -> None:
        self.code = code
        self.stdout = stdout
        self.argv: list[str] = []

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        self.argv = list(argv)
        return Completed(tuple(argv), self.code, self.stdout.encode(), "a\nb")

    def detach(self, *_: Any, **__: Any) -> Any:
        raise AssertionError


def test_the_plainest_build() -> None:
    order = Order(Path("/app"), DOCKERFILE, [IMAGE.tagged("1.0.0")])
    assert order.argv("plain") == [
        "docker",
        "buildx",
        "build",
        "--progress=plain",
        "--file=/app/Dockerfile",
        "--output=type=docker",
        "--provenance=false",
        "--tag=docker.io/team/app:1.0.0",
        "/app",
    ]


def test_a_build_with_everything() -> None:
    order = Order(
        Path("/app"),
        DOCKERFILE,
        [IMAGE.tagged("1.0.0"), IMAGE.tagged("latest")],
        args={"A": "1", "B": "--x y"},
        labels={"l": "v=1"},
        target="prod",
        platforms=["linux/amd64", "linux/arm64"],
        secrets=["PIP_TOKEN"],
        cache_from=["type=registry,ref=team/app:cache"],
        cache_to=["type=inline"],
        epoch=1700000000,
        rewrite_times=True,
        use_cache=False,
        pull=True,
    )
    assert order.argv("rawjson")[3:] == [
        "--progress=rawjson",
        "--file=/app/Dockerfile",
        "--output=type=docker,rewrite-timestamp=true",
        "--provenance=false",
        "--tag=docker.io/team/app:1.0.0",
        "--tag=docker.io/team/app:latest",
        "--build-arg=SOURCE_DATE_EPOCH=1700000000",
        "--build-arg=A=1",
        "--build-arg=B=--x y",
        "--label=l=v=1",
        "--target=prod",
        "--platform=linux/amd64,linux/arm64",
        "--secret=id=PIP_TOKEN,env=PIP_TOKEN",
        "--cache-from=type=registry,ref=team/app:cache",
        "--cache-to=type=inline",
        "--no-cache",
        "--pull",
        "/app",
    ]


def test_a_time_of_the_users_own_wins() -> None:
    order = Order(Path("/app"), DOCKERFILE, [], {"SOURCE_DATE_EPOCH": "7"}, epoch=1)
    assert [word for word in order.argv("plain") if "EPOCH" in word] == [
        "--build-arg=SOURCE_DATE_EPOCH=7"
    ]


def test_the_builder() -> None:
    platforms = ("linux/amd64", "linux/amd64/v2", "linux/386")
    assert read_builder(OWN) == Builder("default", "docker", (0, 0), platforms)
    big = read_builder(CONTAINER)
    assert big == Builder("big", "docker-container", (0, 13), ("linux/arm64", "linux/amd64"))
    assert (read_builder(OWN).rewrites_times, big.rewrites_times) == (False, True)


@pytest.mark.parametrize(
    ("version", "progress"),
    [
        ("github.com/docker/buildx v0.12.1 30feaa1", "plain"),
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", "rawjson"),
        ("github.com/docker/buildx v1.0.0 abc", "rawjson"),
        ("github.com/docker/buildx unknown", "plain"),
    ],
)
def test_progress_is_json_where_buildx_has_it(version: str, progress: str) -> None:
    assert Buildx(Answers(0, version)).progress() == progress


def test_what_is_missing_is_told() -> None:
    class Nothing(Answers):
        def run(self, argv: Sequence[str], **_: Any) -> Completed:
            raise ToolError(f"cannot start {argv[0]}", code=NOT_STARTED)

    for runner in (Nothing(0), Answers(1)):
        with pytest.raises(ToolError) as caught:
            Buildx(runner).progress()
        assert caught.value.code == "buildx-missing"
        assert "docs.docker.com" in (caught.value.hint or "")
    with pytest.raises(ToolError) as caught:
        Buildx(Answers(1)).builder(threading.Event())
    assert (caught.value.code, caught.value.detail) == ("builder-unusable", ("a", "b"))


def vertex(name: str, **facts: Any) -> dict[str, Any]:
    return {"vertexes": [{"digest": name, "name": name, "started": "2026", **facts}]}


def log(name: str, text: str) -> dict[str, Any]:
    return {"logs": [{"vertex": name, "data": base64.b64encode(text.encode()).decode()}]}


def hear(
    *statuses: dict[str, Any] | str, indent: int | None = None
) -> tuple[BuildProgress, list[str]]:
    progress, told = BuildProgress(), []
    for status in statuses:
        text = status if isinstance(status, str) else json.dumps(status, indent=indent)
        for line in text.splitlines():
            told += progress.hear(line)
    return progress, told


@pytest.mark.parametrize("indent", [None, 2])
def test_steps_are_told_as_they_begin_with_what_they_print(indent: int | None) -> None:
    name = "[build 2/3] RUN make"
    _, told = hear(
        {"vertexes": [{"digest": name, "name": name}]},
        vertex("[internal] load .dockerignore"),
        vertex(name),
        {"statuses": [{"id": "x", "vertex": name, "current": 3}]},
        log(name, "one\n10%\r20%\r30%\n\ntwo"),
        vertex(name, completed="2026"),
        vertex("[build 3/3] COPY .    .", completed="2026", cached=True),
        vertex("exporting to image"),
        indent=indent,
    )
    assert told == [
        "[build 2/3] RUN make",
        "[build 2/3] one",
        "[build 2/3] 30%",
        "[build 2/3] two",
        "[build 3/3] COPY . . (cached)",
        "exporting to image",
    ]


def test_plain_progress_is_passed_on() -> None:
    progress, told = hear("#1 [internal] load", "", "#2 RUN make")
    assert told == ["#1 [internal] load", "#2 RUN make"]
    assert progress.failed is None


def test_a_failure_in_plain_progress_shows_its_step_only() -> None:
    progress, _ = hear(
        "#4 [app 1/2] FROM base",
        "#4 CACHED",
        "#5 [app 2/2] RUN make",
        "#5 0.104 no rule",
        "#5 ERROR: process did not complete: exit code: 2",
        "failed to solve: exit code: 2",
    )
    error = build_failure(progress, DOCKERFILE)
    assert error.message == "the image cannot be built: [app 2/2] RUN make failed"
    assert error.detail == ("no rule", "failed to solve: exit code: 2")


def test_a_failure_shows_the_step_and_its_last_lines() -> None:
    name = "[build 2/3] RUN make"
    output = "".join(f"line {number}\n" for number in range(100))
    progress, told = hear(
        vertex("[other 1/1] RUN x", error="context canceled: it was not needed any more"),
        log(name, output),
        vertex(name, error='process "/bin/sh -c make" did not complete: exit code: 2'),
        "Dockerfile:3",
        "ERROR: failed to solve",
    )
    assert "ERROR: failed to solve" not in told
    error = build_failure(progress, DOCKERFILE)
    assert error.code == "image-build-failed"
    assert error.message == "the image cannot be built: [build 2/3] RUN make failed"
    last = [f"line {number}" for number in range(100 - LINES, 100)]
    assert list(error.detail) == [*last, "Dockerfile:3", "ERROR: failed to solve"]


def test_a_base_image_that_cannot_be_read_is_told() -> None:
    progress, _ = hear(vertex("[internal] load metadata for docker.io/library/no:1", error="401"))
    error = build_failure(progress, DOCKERFILE)
    assert (error.code, error.detail) == ("base-image-unreadable", ("401",))
    assert "docker.io/library/no:1" in error.message


def test_a_full_disk_is_told() -> None:
    full = "write /x: No space left on device"
    for said in ([vertex("RUN x", error="exit code: 1"), log("RUN x", full)], [f"ERROR: {full}"]):
        assert build_failure(hear(*said)[0], DOCKERFILE).code == "disk-full"


def test_what_is_no_json_after_all_is_text() -> None:
    progress, told = hear("{this is no JSON}", "{", "nor this", "}")
    assert told == []
    assert progress.text == ("{this is no JSON}", "{", "nor this", "}")
