"""`dogctl chart list` and `dogctl chart pull`: what a chart repository has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Table, Text
from dogctl.chartrepos.base import CORRUPT, ChartRepository, Listing, Package
from dogctl.chartrepos.index import Entry
from dogctl.errors import DogctlError
from dogctl.lifecycle.charts.packing import described, package_of, write
from dogctl.lifecycle.charts.repository import address_of, open_repository, wanted
from dogctl.plan import Plan, Results, Run, Step
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class Pulled:
    """A chart, and the file that it is in now."""

    package: Package
    path: Path


def plan_list(
    project: Project, name: str | None = None, *, remember: Remember = lambda _: None
) -> Plan:
    """Look which versions there are. Raises ConfigError."""
    repository = open_repository(project, address_of(project), remember)

    def run(step: Run) -> Listing:
        return step.interruptible(lambda: repository.listing(name))

    return Plan("chart list", (Step("list", lambda _: f"ask {repository.url}", run, looks=True),))


def answer_list(results: Results) -> Answer:
    """All versions, those of a chart together."""
    found: Listing = results["list"]
    rows = tuple(
        (each.name, each.version, each.app_version or "-", (each.created or "-")[:19])
        for each in found.versions
    )
    data = {"versions": [asdict(each) for each in found.versions], "complete": found.complete}
    if not rows:
        return Answer(data, (Text("there is no chart"),))
    return Answer(data, (Table(("CHART", "VERSION", "APP", "CREATED"), rows),))


def plan_pull(
    project: Project, chart: str, folder: Path, *, remember: Remember = lambda _: None
) -> Plan:
    """Get `NAME` or `NAME@VERSION` into a folder, its provenance too. Raises ConfigError."""
    repository = open_repository(project, address_of(project), remember)
    name, _, version = chart.partition("@")

    def run(step: Run) -> Pulled:
        package = step.interruptible(lambda: pulled(repository, name, version or None))
        return Pulled(package, write(folder, package))

    change = f"get {chart} from {repository.url} into {folder}"
    return Plan("chart pull", (Step("pull", lambda _: change, run),))


def answer_pull(results: Results) -> Answer:
    """Where it is."""
    found: Pulled = results["pull"]
    made = found.package
    data = {**described(made), "file": str(found.path), "signed": made.provenance is not None}
    rows = (("File", str(found.path)), ("Digest", f"sha256:{made.digest}"))
    return Answer(data, (Text(f"{made.name} {made.version} is here"), Fields(rows)))


def pulled(repository: ChartRepository, name: str, version: str | None) -> Package:
    """A version of a chart, or its newest release. Raises DogctlError."""
    entry = wanted(repository, name, version)
    package = package_of(repository.pull(entry), repository.provenance(entry))
    _require_named(package, entry)
    return package


def _require_named(package: Package, entry: Entry) -> None:
    if (package.name, package.version) != (entry.name, entry.version):
        raise DogctlError(
            f"what is published as {entry.name} {entry.version}"
            f" is {package.name} {package.version}",
            code=CORRUPT,
            hint="publish it again as a new version",
        )
