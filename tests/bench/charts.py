"""One version more in an index of 10,000, against `helm repo index --merge`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from dogctl.chartrepos import index
from tests.bench.commands import seconds
from tests.bench.table import Row
from tests.dogctl.chartrepos.charts import package

TITLE = "An index of 10,000 charts' versions with one more, over helm repo index --merge"
CHARTS, VERSIONS = 100, 100
ENTRY = """\
  - apiVersion: v2
    appVersion: 1.{n}.0
    created: "2024-01-01T10:00:00.123456789Z"
    description: {words}
    digest: {n:064x}
    home: https://charts.example.com
    maintainers:
    - email: dogs@kennel.example
      name: dogs
    name: {name}
    type: application
    urls:
    - https://charts.example.com/{name}-1.{n}.0.tgz
    version: 1.{n}.0
"""


def measure_index(folder: Path, program: str) -> Iterator[Row]:
    """Medians of both, each with reading and writing the file; `program` is Helm."""
    new = package("chart050", "2.0.0")
    archives = folder / "archives"
    archives.mkdir()
    (archives / "chart050-2.0.0.tgz").write_bytes(new.archive)
    old, made = folder / "old.yaml", folder / "index.yaml"
    old.write_text(text())
    words = (program, "repo", "index", str(archives), f"--merge={old}")
    theirs = median(seconds(words) for _ in range(3))
    rounds = []
    for _ in range(5):
        began = perf_counter()
        made.write_text(index.add(old.read_text(), new.entry()))
        rounds.append(perf_counter() - began)
    ours = median(rounds)
    yield Row("helm repo index --merge", theirs, "s")
    yield Row("dogctl", ours, "s", "at most 0.2")
    yield Row("dogctl is faster by", theirs / ours, "x", "at least 20")


def text() -> str:
    """An index of 8 MB."""
    words = "a chart of a kennel, " * 20
    charts = (
        f"  {name}:\n"
        + "".join(ENTRY.format(n=n, name=name, words=words) for n in reversed(range(VERSIONS)))
        for name in (f"chart{number:03d}" for number in range(CHARTS))
    )
    return f'apiVersion: v1\nentries:\n{"".join(charts)}generated: "2024-01-01T10:00:00Z"\n'
