"""Which versions of a chart are needed beside those that were released."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.chartrepos.index import Entry
from dogctl.chartrepos.versions import is_prerelease, is_strict, precedence
from dogctl.clouds import kubernetes_yaml
from dogctl.errors import ConfigError
from dogctl.lifecycle.chart import CHARTS, Chart, find_chart
from dogctl.lifecycle.charts.packing import read_package

if TYPE_CHECKING:
    from dogctl.config.model import Project

# What asks for no version gets the newest.
NEWEST = ""
_ARCHIVE = re.compile(r"(.+?)-(\d+\.\d+\.\d+.*)\.tgz")
# Helm 2 had the second of each pair.
_LOCKS, _FILES = ("Chart.lock", "requirements.lock"), ("Chart.yaml", "requirements.yaml")


def chart_name(project: Project) -> str:
    """What the project's chart is called. Raises ConfigError: it has none, or it has no name."""
    chart = find_chart(project)
    folder = chart.folder
    if folder is None:
        return _named(chart)[0]
    name = _read(folder / "Chart.yaml").get("name")
    if not isinstance(name, str):
        raise ConfigError(
            "the chart has no name",
            code="bad-chart",
            where=str(folder / "Chart.yaml"),
            hint="dogctl chart lint",
        )
    return name


def asked_for(projects: Iterable[Project], name: str) -> dict[str, str]:
    """The versions of a chart, or ranges of them, that the projects name, with the place of each.

    By their settings, or as a dependency of a chart in their folders: as it is locked, if it is.
    Raises ConfigError: a file cannot be read.
    """
    found: dict[str, str] = {}
    for project in projects:
        chart = find_chart(project)
        if chart.folder is None:
            named, version = _named(chart)
            if named == name:
                where = f"setting chart of {project.environment or project.settings.name}"
                found.setdefault(version, where)
        folders = {path.parent for path in (project.root / CHARTS).glob("*/Chart.yaml")}
        for folder in sorted(folders | ({chart.folder} if chart.folder else set())):
            for version, where in _dependencies(folder, name):
                found.setdefault(version, where)
    return found


def dependents(entries: Iterable[Entry], name: str) -> dict[str, str]:
    """The versions of a chart, or ranges of them, that other charts of its repository have."""
    found: dict[str, str] = {}
    for entry in entries:
        for dependency, version in entry.dependencies:
            if dependency == name != entry.name:
                found.setdefault(version, f"{entry.name} {entry.version}")
    return found


def versions_in_use(asked: Mapping[str, str], versions: Collection[str]) -> dict[str, str]:
    """Those of the versions that are asked for, with a place of each.

    A range keeps them all: which one somebody has locked in it is not known.
    """
    found: dict[str, str] = {}
    for version, where in sorted(asked.items()):
        exact = version.strip().removeprefix("=").strip()
        if version == NEWEST:
            found.update({each: where for each in _newest(versions) if each not in found})
        elif is_strict(exact.removeprefix("v")):
            same = [each for each in versions if precedence(each) == precedence(exact)]
            found.update({each: where for each in same if each not in found})
        else:
            says = f"{where}, by {version}"
            found.update({each: says for each in versions if each not in found})
    return found


def _newest(versions: Collection[str]) -> Iterator[str]:
    """The newest release, and the newest of all."""
    for some in (versions, [each for each in versions if not is_prerelease(each)]):
        if some:
            yield max(some, key=precedence)


def _named(chart: Chart) -> tuple[str, str]:
    """The name and version of a chart that is no folder here."""
    path = Path(chart.ref)
    if path.is_file():
        package = read_package(path)
        return package.name, package.version
    last = chart.ref.rstrip("/").rpartition("/")[2]
    if archive := _ARCHIVE.fullmatch(last):
        return archive[1], archive[2]
    return last, chart.version or NEWEST


def _dependencies(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    for files in (_LOCKS, _FILES):
        found = [
            (str(each.get("version") or NEWEST), str(folder / file))
            for file in files
            if (folder / file).is_file()
            for each in _read(folder / file).get("dependencies") or ()
            if each.get("name") == name
        ]
        if found:
            yield from found
            return


def _read(path: Path) -> dict[str, Any]:
    return kubernetes_yaml.read(
        path, "the chart's metadata", code="bad-chart", hint="dogctl chart lint"
    )
