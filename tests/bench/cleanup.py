"""Old images deleted from registries: as fast as a limit allows, and against regctl without one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
ROUNDS = 5


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
    """Both on a registry each, with as many images: all but the newest go, which only ages tell.

    First on a real one, which reads all tags for each delete, so that most of the time is its own;
    then on one that takes hardly any.
    """
    theirs = Regctl(folder, program)
    for name, opened in (
        ("docker-registry", lambda: filled(tags)),
        ("in memory", lambda: limited(tags, 0)),
    ):
        with opened() as host:
            old, ages = theirs.old(host)
            regctl = ages + theirs.delete(host, old)
        with opened() as host:
            dogctl = _dogctl(folder, host)
            _require_done(host)
        yield Row(f"{tags:,} tags in {name}, regctl", regctl, "s")
        yield Row("of it to find out how old they are", ages, "s")
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


def _require_done(host: str) -> None:
    left = requests.get(f"http://{host}/v2/{REPOSITORY}/tags/list", timeout=10).json()["tags"]
    if len(left) != KEEP:
        raise RuntimeError(f"{len(left)} tags are left, and not {KEEP}")


def _dogctl(folder: Path, host: str) -> float:
    settings = f'[tool.dogctl]\nname = "many"\ndocker-repo = "{host}/{REPOSITORY}"\n'
    (folder / "pyproject.toml").write_text(settings)
    words = ("cleanup", "images", f"--keep={KEEP}", "--yes", "--json")
    return seconds((DOGCTL, *words, "--allow-nothing-in-use", "--allow-most"), cwd=folder)


class Regctl:
    """regctl, as many at once as xargs is told to start."""

    def __init__(self, folder: Path, program: Path) -> None:
        self._program = str(program)
        self._environ = {**os.environ, "REGCTL_CONFIG": str(folder / "regctl.json")}

    def old(self, host: str) -> tuple[list[str], float]:
        """All tags but those of the newest images, and the seconds to find them."""
        self._run(self._program, "registry", "set", "--tls=disabled", "--skip-check", host)
        began = perf_counter()
        tags = "".join(f"{tag}\n" for tag in self._list(host))
        inspect = (
            "image",
            "inspect",
            '--format={{.Created}} TAG{{"\\n"}}',
            f"{host}/{REPOSITORY}:TAG",
        )
        created = self._each(tags, "-ITAG", self._program, *inspect)
        old = [line.rpartition(" ")[2] for line in sorted(created.splitlines())[:-KEEP]]
        return old, perf_counter() - began

    def delete(self, host: str, tags: list[str]) -> float:
        """The seconds to delete the images of these tags.

        `regctl tag delete` takes longer, and does not do all of it: where a registry deletes no
        tags it puts a manifest under each, and several that do so at once disturb one another. A real
        registry refuses some of these deletes too, while it does others: they are tried again, and
        what it refuses for good is left.
        """
        began = perf_counter()
        for _ in range(ROUNDS):
            names = "".join(f"{host}/{REPOSITORY}:{tag}\n" for tag in tags)
            delete = ("manifest", "delete", "--force-tag-dereference")
            self._each(names, "--max-args=1", self._program, *delete)
            tags = sorted({*tags} & set(self._list(host)))
            if not tags:
                break
        return perf_counter() - began

    def _list(self, host: str) -> list[str]:
        return self._run(self._program, "tag", "list", f"{host}/{REPOSITORY}").split()

    def _each(self, lines: str, *words: str) -> str:
        return self._run("xargs", f"--max-procs={PARALLEL}", *words, stdin=lines)

    def _run(self, *words: str, stdin: str = "") -> str:
        return subprocess.run(
            words, input=stdin, text=True, env=self._environ, check=False, capture_output=True
        ).stdout
