"""Old images deleted from registries: as fast as the limit allows, and against regctl without one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import local
from time import perf_counter

from tests.bench.commands import DOGCTL
from tests.bench.table import Row
from tests.testbed.cluster.builds import Build
from tests.testbed.registries.content import MANIFEST, OCI, Uploader
from tests.testbed.registries.limited import REPOSITORY, limited, stats
from tests.testbed.registries.registry import RunningRegistry, registry

TITLE = "Old images deleted"
MODULE = "github.com/regclient/regclient"
REGCTL = Build("regctl", "regctl", f"{MODULE}/cmd/regctl", MODULE)
# Requests a second that the limited registry takes.
RATE = 500
KEEP = 10
PARALLEL = 8


def measure_limit(folder: Path, tags: int = 10_000, rate: int = RATE) -> Iterator[Row]:
    """How much of what a registry takes is asked of it, from the command to its answer."""
    with limited(tags, rate) as host:
        took = _dogctl(folder, f"{host}/{REPOSITORY}", KEEP)
        counted = stats(host)
    if counted["tags"] != KEEP:
        raise RuntimeError(f"not all were deleted: {counted}")
    yield Row(f"{tags:,} tags at {rate} requests a second", took, "s")
    yield Row("requests, each", counted["taken"] / tags, "")
    yield Row("of what the limit allows", 100 * counted["taken"] / rate / took, "%", "at least 90")


def measure_regctl(folder: Path, program: Path, tags: int = 1000) -> Iterator[Row]:
    """Both on a registry each, with as many images: all but the newest go."""
    with registry() as theirs, registry() as ours:
        for each in (theirs, ours):
            fill(each, tags)
        old = [f"v{number:05d}" for number in range(tags - KEEP)]
        regctl = _regctl(folder, program, f"{theirs.host}/{REPOSITORY}", old)
        dogctl = _dogctl(folder, f"{ours.host}/{REPOSITORY}", KEEP)
        left = [_tags(each) for each in (theirs, ours)]
    if left != [KEEP, KEEP]:
        raise RuntimeError(f"not all were deleted: {left}")
    yield Row(f"{tags:,} tags, regctl by xargs", regctl, "s")
    yield Row(f"{tags:,} tags, dogctl", dogctl, "s")
    yield Row("dogctl is faster by", regctl / dogctl, "x", "at least 3")


def fill(into: RunningRegistry, tags: int) -> None:
    """Images without layers, an hour apart, the last one the newest."""
    mine = local()
    newest = datetime.now(UTC) - timedelta(days=2)

    def put(number: int) -> None:
        if not hasattr(mine, "uploader"):
            mine.uploader = Uploader(into, REPOSITORY)
        created = newest - timedelta(hours=tags - number)
        blob = mine.uploader.blob(json.dumps({"created": created.isoformat()}).encode())
        config = {"mediaType": f"{OCI}.config.v1+json", **blob}
        mine.uploader.manifest(f"v{number:05d}", {"config": config, "layers": []}, MANIFEST)

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(put, range(tags)))


def _tags(of: RunningRegistry) -> int:
    found = Uploader(of, REPOSITORY).session.get(f"{of.url}{REPOSITORY}/tags/list").json()
    return len(found["tags"])


def _dogctl(folder: Path, repository: str, keep: int) -> float:
    """The seconds of the whole command. Raises CalledProcessError."""
    settings = f'[tool.dogctl]\nname = "many"\ndocker-repo = "{repository}"\n'
    (folder / "pyproject.toml").write_text(settings)
    words = ("cleanup", "images", f"--keep={keep}", "--yes", "--json")
    unused = ("--allow-nothing-in-use", "--allow-most")
    began = perf_counter()
    subprocess.run((DOGCTL, *words, *unused), cwd=folder, capture_output=True, check=True)
    return perf_counter() - began


def _regctl(folder: Path, program: Path, repository: str, tags: list[str]) -> float:
    """The seconds until as many at once have deleted a tag each."""
    host = repository.partition("/")[0]
    environ = {**os.environ, "REGCTL_CONFIG": str(folder / "regctl.json")}
    plain = (program, "registry", "set", "--tls=disabled", "--skip-check", host)
    subprocess.run(plain, env=environ, check=True, capture_output=True)
    words = ("xargs", f"--max-procs={PARALLEL}", "--max-args=1", program, "tag", "delete")
    names = "\n".join(f"{repository}:{tag}" for tag in tags)
    began = perf_counter()
    subprocess.run(words, input=names, text=True, env=environ, check=True, capture_output=True)
    return perf_counter() - began
