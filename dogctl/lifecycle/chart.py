"""Which chart is released, and with which values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dogctl import bundled
from dogctl.clouds import kubernetes_yaml
from dogctl.errors import ConfigError
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.image import ImageRef

Values = dict[str, Any]

CHARTS = "charts"
OWN = "dogapp"
FAULTS = "FAULTS"


@dataclass(frozen=True)
class Chart:
    """A chart: a folder, an archive, an address, or a name in a repository.

    `version` and `repository` are for those that have one.
    """

    ref: str
    version: str | None = None
    repository: str | None = None

    @property
    def folder(self) -> Path | None:
        """Where its files are, if it is a folder here."""
        path = Path(self.ref)
        return path if path.is_dir() else None


def find_chart(project: Project) -> Chart:
    """The chart of the settings, or the only one in charts/, or the one that dogctl brings.

    Raises ConfigError: there are several, or the one that is named is not there.
    """
    given = project.settings.chart
    if given is None:
        return _default(project)
    if "://" in given:
        return _remote(given)
    path = project.root / given
    if not path.exists():
        raise ConfigError(
            f"there is no chart {given}",
            code="no-chart",
            where=project.origins["chart"],
            hint="name a folder with a Chart.yaml, an archive, or oci://HOST/NAME@VERSION",
        )
    return Chart(str(path))


def _remote(address: str) -> Chart:
    """`oci://HOST/NAME@VERSION`, `https://REPOSITORY/NAME@VERSION`, or an archive's address."""
    where, at, version = address.rpartition("@")
    if not at or "/" in version:
        where, version = address, ""
    if where.startswith("oci://") or where.endswith(".tgz"):
        return Chart(where, version or None)
    repository, _, name = where.rpartition("/")
    return Chart(name, version or None, repository)


def _default(project: Project) -> Chart:
    found = sorted(path.parent for path in (project.root / CHARTS).glob("*/Chart.yaml"))
    if len(found) > 1:
        raise ConfigError(
            f"there are several charts: {', '.join(path.name for path in found)}",
            code="several-charts",
            where=str(project.root / CHARTS),
            hint=f'add chart = "{CHARTS}/{found[0].name}" to pyproject.toml',
        )
    return Chart(str(found[0] if found else bundled.root() / CHARTS / OWN))


def chart_values(
    project: Project,
    chart: Chart,
    image: ImageRef,
    defaults: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] = MappingProxyType({}),
) -> Values:
    """The values of a release, strongest last: the chart's for this environment, the project's, ours.

    Args:
        defaults: those of a chart that is no folder here, to know what it has a place for.
        given: what is known of the environment only now, stronger than any other.

    Secrets are not among them, as Helm would show them to whoever may read the release.
    Raises ConfigError: a file is not there, holds no values, or ones that a protected environment
    refuses.
    """
    values: Values = {}
    for path in _overlays(project, chart):
        values = merged(values, _read(path))
    values = merged(merged(values, _own(project, chart, image, defaults or {})), given)
    if project.settings.protected and _variables(values).get(FAULTS):
        raise ConfigError(
            f"faults on demand are refused in the protected environment {project.environment}",
            code="bad-values",
            where=f"env.{FAULTS}",
            hint="take that out of the values",
        )
    return values


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Values:
    """As Helm merges values: tables into one another, anything else replaces what was there."""
    both = {
        key: merged(below[key], value)
        for key, value in above.items()
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
    }
    return {**below, **above, **both}


def _overlays(project: Project, chart: Chart) -> Iterator[Path]:
    if chart.folder:
        path = chart.folder / f"values-{project.environment}.yaml"
        if path.is_file():
            yield path
    yield from (project.root / name for name in project.settings.values)


def _read(path: Path) -> Values:
    return kubernetes_yaml.read(path, "the values", code="bad-values", hint="correct it")


def _variables(values: Mapping[str, Any]) -> Mapping[str, Any]:
    given = values.get("env")
    return given if isinstance(given, Mapping) else {}


def _own(project: Project, chart: Chart, image: ImageRef, defaults: Mapping[str, Any]) -> Values:
    """What dogctl knows better than any file; other charts may have no place for some of it."""
    settings = project.settings
    own: Values = {
        "image": {
            "repository": image.name,
            "tag": image.tag or "",
            "digest": str(image.digest or ""),
        }
    }
    known = _read(chart.folder / "values.yaml") if chart.folder else defaults
    if isinstance(known.get("env"), Mapping):
        own["env"] = {k: v for k, v in settings.variables.items() if not isinstance(v, Secret)}
        own["env"] |= {FAULTS: settings.faults} if settings.faults else {}
    if isinstance(known.get("database"), Mapping):
        parts = ("engine", "host", "port", "name", "user")
        given = {part: getattr(settings, f"db_{part}") for part in parts}
        own["database"] = {part: value for part, value in given.items() if value is not None}
    return {key: value for key, value in own.items() if value}


def inputs_hash(chart: Chart, values: Mapping[str, Any]) -> str:
    """One hash of all that decides what a release renders: the chart's files and the values."""
    digest = hashlib.sha256(json.dumps([chart.version, values], sort_keys=True).encode())
    root = Path(chart.ref)
    if not root.exists():
        digest.update(chart.ref.encode())
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if path.is_file():
            digest.update(str(path.relative_to(root)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
