"""What dogctl adds to Docker Compose for the same stack, from nothing to a healthy page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.commands import DOGCTL, seconds
from tests.bench.table import Row
from tests.conftest import REPOSITORY
from tests.testbed.engine import engine
from tests.testbed.ports import free_port

TITLE = "dogctl up --engine compose, over docker compose up --build --wait"
ROUNDS = 3


def measure_stack(folder: Path) -> Iterator[Row]:
    """The ratio of medians, in turn, each with a new database; the image is built before."""
    with engine() as docker:
        compose = ("docker", "compose", "--project-name=plain", f"--file={REPOSITORY}/compose.yaml")
        environ = {
            **docker.environ,
            "APP_IMAGE": "plain:local",
            "FLASK_PORT": str(free_port()),
            "XDG_DATA_HOME": str(folder),
        }

        def run(*words: str) -> float:
            return seconds(tuple(docker.command(*words)), environ, folder)

        def by_compose() -> float:
            took = run(*compose, "up", "--build", "--wait")
            run(*compose, "down", "--volumes")
            return took

        def by_dogctl() -> float:
            took = run("env", f"--chdir={folder}", DOGCTL, "up", "--engine", "compose")
            run("env", f"--chdir={folder}", DOGCTL, "down", "--volumes", "--yes")
            return took

        by_compose(), by_dogctl()
        pairs = [(by_dogctl(), by_compose()) for _ in range(ROUNDS)]
    ours, plain = (median(column) for column in zip(*pairs, strict=True))
    yield Row("docker compose up", plain, "s")
    yield Row("dogctl up", ours, "s")
    yield Row("dogctl up / docker compose up", ours / plain, "x", "at most 1.1")
