"""A release of a new image, against Helm alone for the same change in the same cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from dogctl.image import ImageRef
from tests.bench.commands import DOGCTL, seconds
from tests.bench.table import Row
from tests.conftest import REPOSITORY
from tests.dogctl.release_project import VALUES, ReleaseProject, build
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.engine import own_engine

TITLE = "dogctl release of a new image, over helm upgrade --install --wait"
ROUNDS = 4
CHART = str(REPOSITORY / "charts/dogapp")


def measure_release(folder: Path) -> Iterator[Row]:
    """The ratio of medians, in turn; then a release of what runs already."""
    with own_engine() as engine, cluster(engine) as here:
        images = folder / "release-images"
        images.mkdir()
        versions = [build(here, images, f"ok-{number}") for number in range(2)]
        root = folder / "release"
        root.mkdir()
        ours = ReleaseProject(root, here, "ours")
        rounds = []
        for number in range(-1, ROUNDS):  # the first one installs
            image = versions[number % 2]
            rounds.append((_ours(ours, image), _helm(here, image)))
        dogctl, helm = (median(column) for column in zip(*rounds[1:], strict=True))
        yield Row("a new image, helm", helm, "s")
        yield Row("a new image, dogctl", dogctl, "s")
        yield Row("a new image, dogctl / helm", dogctl / helm, "x", "at most 1.1")
        same = median(_ours(ours, versions[(ROUNDS - 1) % 2]) for _ in range(3))
        yield Row("nothing changed, dogctl", same, "s", "at most 2")
        looks = [_status(ours) for _ in range(3)]
        took, slowest = (median(column) for column in zip(*looks, strict=True))
        goal = f"at most {slowest * 1.3 + 0.5:.2f}, by its slowest query"
        yield Row("dogctl status", took, "s", goal)


def _ours(project: ReleaseProject, image: ImageRef) -> float:
    words = (DOGCTL, "release", "--env", "dev", "--image", f":{image.tag}")
    argv = project.docker.command("env", f"--chdir={project.root}", *words)
    return seconds(tuple(argv), project.environ(), project.root)


def _status(project: ReleaseProject) -> tuple[float, float]:
    """The seconds of the whole command, and of its slowest query."""
    began = perf_counter()
    done = project.dogctl("status", "--env", "dev", "--json")
    return perf_counter() - began, max(done.json["data"]["seconds"].values())


def _helm(here: Cluster, image: ImageRef) -> float:
    given = {"repository": image.name, "tag": image.tag, "digest": str(image.digest)}
    values = here.folder / "bench-values.json"
    values.write_text(json.dumps({**VALUES, "image": given}))
    words = ("helm", "upgrade", "--install", "theirs", CHART, f"--values={values}", "--wait")
    where = ("--namespace=theirs", "--create-namespace")
    return seconds(tuple(here.command(*words, *where)), here.environ)
