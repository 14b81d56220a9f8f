"""What a cleanup computes before anything is deleted: processor time, and memory beyond imports.

`python -m tests.bench.planning tags 10000` and `... releases URL` measure in a process of their
own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from dogctl.clouds.kubeconfig import make
from dogctl.clouds.kubernetes import Kubernetes
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup import plan_file
from dogctl.lifecycle.cleanup.guards import objections
from dogctl.lifecycle.cleanup.in_use import scan_cluster
from dogctl.lifecycle.cleanup.order import units
from dogctl.lifecycle.cleanup.policies import Words
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.retention import InUse, decide, keep_latest
from dogctl.registries.survey import survey
from tests.bench.many_releases import IMAGE, many_releases
from tests.bench.table import Row
from tests.testbed.registries.content import digest_of

TITLE = "What a cleanup computes before anything is deleted"
MEGABYTE = 1e6
Body = Mapping[str, Any]


def measure_planning(tags: int = 10_000) -> Iterator[Row]:
    """A plan for many tags, what the registry says being there already."""
    found = _child("tags", str(tags))
    yield Row(f"a plan for {tags:,} tags, processor", found["cpu"], "s", "at most 3")
    yield Row("memory beyond imports", found["memory"], "MB", "at most 250")


def measure_scan(releases: int = 500, revisions: int = 10) -> Iterator[Row]:
    """What is in use in a cluster, of which every revision names an image of ours."""
    with many_releases(releases, revisions) as url:
        found = _child("releases", url)
    if found["found"] != releases * revisions:
        raise RuntimeError(f"not all of them were found: {found}")
    name = f"{releases} releases of {revisions} revisions, processor"
    yield Row(name, found["cpu"], "s", "at most 10")
    yield Row("memory beyond imports", found["memory"], "MB")


class Told:
    """A registry whose answers are there at once: see dogctl.registries.survey.Readable."""

    def __init__(self, tags: int) -> None:
        self._configs: dict[str, bytes] = {}
        self._manifests: dict[str, bytes] = {}
        newest = datetime.now(UTC) - timedelta(days=2)
        for number in range(tags):
            created = newest - timedelta(hours=tags - number)
            config = json.dumps({"created": created.isoformat()}).encode()
            named = {"digest": digest_of(config), "size": len(config)}
            layers = [{"digest": digest_of(bytes(at)), "size": 1_000_000} for at in range(5)]
            self._configs[named["digest"]] = config
            body = {"schemaVersion": 2, "config": named, "layers": layers}
            self._manifests[f"v{number:05d}"] = json.dumps(body).encode()

    def pages(self, _: ImageRef, after: str | None = None) -> Iterator[Body]:
        yield {"tags": [tag for tag in self._manifests if tag > (after or "")]}

    def manifest(self, ref: ImageRef) -> tuple[Digest, Body] | None:
        content = self._manifests[str(ref.tag)]
        return Digest.parse(digest_of(content)), json.loads(content)

    def blob(self, _: ImageRef, digest: Digest) -> bytes | None:
        return self._configs[str(digest)]

    def may_be_manifest(self, _: ImageRef, _digest: Digest) -> bool:
        return False

    def referrers(self, _: ImageRef, _digest: Digest) -> tuple[Digest, ...] | None:
        return None


def plan(tags: int) -> dict[str, Any]:
    """What a plan takes, from the first answer to its file."""
    registry, ref = Told(tags), ImageRef.parse("registry.example.com/team/app")
    in_use = InUse({}, {})
    with tempfile.TemporaryDirectory() as folder, _Meter() as meter:
        inventory = survey(registry, ref)
        decided = decide(inventory, keep_latest(10), in_use, datetime.now(UTC))
        assert objections(inventory, in_use, decided)
        assert len(units(each.item for each in decided if not each.keep)) == tags - 10
        plan_file.write(Path(folder, "plan.json"), Words(keep=1), {"images": (ref.name, decided)})
    return meter.found


def scan(url: str) -> dict[str, Any]:
    """What it takes to see what is in use in a cluster."""
    kubernetes = Kubernetes(lambda: make("bench", {"server": url}, {}))
    with _Meter() as meter:
        found = scan_cluster(kubernetes, "none", References(ImageRef.parse(IMAGE)), "prod")
    return {**meter.found, "found": len(found.digests)}


class _Meter:
    """Seconds of the processor and megabytes that something takes."""

    def __enter__(self) -> Self:
        self._cpu, self._memory = time.process_time(), _peak()
        return self

    def __exit__(self, *_: object) -> None:
        self.found = {"cpu": time.process_time() - self._cpu, "memory": _peak() - self._memory}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE


def _child(*words: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", __name__, *words]
    found: dict[str, Any] = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    return found


def main() -> None:
    """Measure, and say it as JSON."""
    what, given = sys.argv[1:]
    print(json.dumps(plan(int(given)) if what == "tags" else scan(given)))


if __name__ == "__main__":
    main()
