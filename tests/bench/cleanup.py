"""Old images deleted from registries: as fast as the limit allows, and against regctl without one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import local
from time import perf_counter

import requests

from tests.bench.commands import DOGCTL, seconds
from tests.bench.table import Row
from tests.testbed.cluster.builds import Build
from tests.testbed.registries.content import MANIFEST, OCI, Uploader
from tests.testbed.registries.limited import REPOSITORY, limited, stats
from tests.testbed.registries.registry import RunningRegistry, registry

TITLE = "Old images deleted as fast as a registry allows"
REGCTL_TITLE = "Old images deleted, over regctl run by xargs"
MODULE = "github.com/regclient/regclient"
REGCTL = Build("regctl", "regctl", f"{MODULE}/cmd/regctl", MODULE)
RATE = 500  # requests a second
KEEP = 10
PARALLEL = 8


def measure_limit(folder: Path, tags: int = 10_000, rate: int = RATE) -> Iterator[Row]:
    """How much of what a registry takes is asked of it, from the command to its answer."""
    with limited(tags, rate) as host:
        took = _dogctl(folder, host)
        counted = stats(host)
        _require_done(host)
    yield Row(f"{tags:,} tags at {rate} requests a second", took, "s")
    yield Row("requests for each tag", counted["taken"] / tags, "")
    yield Row("of what the limit allows", 100 * counted["taken"] / rate / took, "%", "at least 90")


def measure_regctl(folder: Path, program: Path, tags: int = 1000) -> Iterator[Row]:
    """Both on a registry each, with as many images: all but the newest go.

    First on a real one, which reads all tags for each delete and so is what takes the time; then on
    one that takes none.
    """
    for name, opened in (
        ("docker-registry", lambda: filled(tags)),
        ("in memory", lambda: limited(tags, 0)),
    ):
        regctl = _measured(opened(), lambda host: _regctl(folder, program, host, tags))
        dogctl = _measured(opened(), lambda host: _dogctl(folder, host))
        yield Row(f"{tags:,} tags in {name}, regctl", regctl, "s")
        yield Row(f"{tags:,} tags in {name}, dogctl", dogctl, "s")
        yield Row("dogctl is faster by", regctl / dogctl, "x", "at least 3")


@contextmanager
def filled(tags: int) -> Iterator[str]:
    """A real registry with images without layers, an hour apart, the last one the newest."""
    mine = local()
    newest = datetime.now(UTC) - timedelta(days=2)

    def put(number: int, into: RunningRegistry) -> None:
        if not hasattr(mine, "uploader"):
            mine.uploader = Uploader(into, REPOSITORY)
        created = newest - timedelta(hours=tags - number)
        blob = mine.uploader.blob(json.dumps({"created": created.isoformat()}).encode())
        config = {"mediaType": f"{OCI}.config.v1+json", **blob}
        mine.uploader.manifest(f"v{number:05d}", {"config": config, "layers": []}, MANIFEST)

    with registry() as found:
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda number: put(number, found), range(tags)))
        yield found.host


def _measured(opened: AbstractContextManager[str], work: Callable[[str], float]) -> float:
    with opened as host:
        took = work(host)
        _require_done(host)
    return took


def _require_done(host: str) -> None:
    left = requests.get(f"http://{host}/v2/{REPOSITORY}/tags/list", timeout=10).json()["tags"]
    if len(left) != KEEP:
        raise RuntimeError(f"{len(left)} tags are left, and not {KEEP}")


def _dogctl(folder: Path, host: str) -> float:
    settings = f'[tool.dogctl]\nname = "many"\ndocker-repo = "{host}/{REPOSITORY}"\n'
    (folder / "pyproject.toml").write_text(settings)
    words = ("cleanup", "images", f"--keep={KEEP}", "--yes", "--json")
    return seconds((DOGCTL, *words, "--allow-nothing-in-use", "--allow-most"), cwd=folder)


def _regctl(folder: Path, program: Path, host: str, tags: int) -> float:
    """The seconds until as many at once have deleted an image each, by its tag.

    `regctl tag delete` takes twice as long, and not all of it succeeds: where a registry deletes no
    tags it puts a manifest under each, and several of it disturb one another.
    """
    environ = {**os.environ, "REGCTL_CONFIG": str(folder / "regctl.json")}
    plain = (program, "registry", "set", "--tls=disabled", "--skip-check", host)
    subprocess.run(plain, env=environ, check=True, capture_output=True)
    words = ("xargs", f"--max-procs={PARALLEL}", "--max-args=1", program)
    delete = ("manifest", "delete", "--force-tag-dereference")
    names = "\n".join(f"{host}/{REPOSITORY}:v{number:05d}" for number in range(tags - KEEP))
    began = perf_counter()
    subprocess.run(
        (*words, *delete), input=names, text=True, env=environ, check=True, capture_output=True
    )
    return perf_counter() - began
