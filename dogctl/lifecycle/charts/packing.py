"""`dogctl chart lint` and `dogctl chart package`: the project's chart, checked and packed."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer, Fields, Text
from dogctl.chartrepos.base import NAME, Package, chart_file, file_name, moment, normalised
from dogctl.chartrepos.versions import is_strict
from dogctl.clouds import kubernetes_yaml
from dogctl.errors import ConfigError
from dogctl.lifecycle.chart import find_chart
from dogctl.lifecycle.local import make_state
from dogctl.lifecycle.source import read_source
from dogctl.plan import Plan, Results, Run, Step
from dogctl.tools import helm_charts
from dogctl.tools.helm_charts import Signing
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

FOLDER = "charts"


@dataclass(frozen=True)
class Packing:
    """How to pack a chart; without versions they are those of git."""

    version: str | None = None
    app_version: str | None = None
    signing: Signing | None = None


def packing_of(
    version: str | None,
    app_version: str | None,
    key: str | None,
    keyring: Path,
    passphrase: Path | None,
) -> Packing:
    """What the flags ask for; without a key nothing is signed."""
    signing = Signing(key, keyring.expanduser(), passphrase) if key else None
    return Packing(version, app_version, signing)


def plan_lint(project: Project, *, strict: bool = False, runner: Runner = LOCAL) -> Plan:
    """Check the project's chart. Raises ConfigError: it has none of its own here."""
    return Plan("chart lint", (lint_step(chart_folder(project), strict=strict, runner=runner),))


def answer_lint(results: Results) -> Answer:
    """What Helm remarks."""
    remarks = list(results["lint"])
    return Answer({"remarks": remarks}, (Text("\n".join((*remarks, "the chart is right"))),))


def plan_package(
    project: Project, packing: Packing, destination: Path | None = None, runner: Runner = LOCAL
) -> Plan:
    """Pack the project's chart into a folder. Raises ConfigError."""
    folder = destination or project.state / FOLDER

    def run(step: Run) -> Path:
        if destination is None:
            make_state(project.state)
        return write(folder, step.results["package"])

    def change(results: Results) -> str:
        named = results.show("package", lambda made: file_name(made.name, made.version))
        return f"write {named} into {folder}"

    return Plan(
        "chart package",
        (package_step(project, packing, runner), Step("write", change, run, needs=("package",))),
    )


def answer_package(results: Results) -> Answer:
    """Where the archive is."""
    made: Package = results["package"]
    path: Path = results["write"]
    data = {**described(made), "file": str(path), "signed": made.provenance is not None}
    rows = (("File", str(path)), ("Digest", f"sha256:{made.digest}"))
    return Answer(data, (Text(f"{made.name} {made.version} is packed"), Fields(rows)))


def described(package: Package) -> dict[str, Any]:
    """A package for programs."""
    return {"chart": package.name, "version": package.version, "digest": package.digest}


def lint_step(folder: Path, *, strict: bool, runner: Runner) -> Step:
    return Step(
        "lint",
        lambda _: f"check {folder}",
        lambda _: helm_charts.lint(folder, strict=strict, runner=runner),
        looks=True,
        previewed=True,
    )


def package_step(project: Project, packing: Packing, runner: Runner = LOCAL) -> Step:
    """The chart as it would be published; it is kept in memory only. Raises ConfigError."""
    folder = chart_folder(project)
    own = packing.version is None or packing.app_version is None
    source = read_source(project, runner).version if own else ""
    version, app_version = packing.version or source, packing.app_version or source
    if not is_strict(version):
        raise ConfigError(
            f"{version!r} is no version of a chart: SemVer, such as 1.4.0",
            code="bad-version",
            where="--version",
            hint="https://semver.org",
        )

    def run(_: Run) -> Package:
        packed = helm_charts.package(folder, version, app_version, packing.signing, runner)
        if packed.provenance is not None:  # what is signed is this very archive
            return package_of(packed.archive, packed.provenance)
        return package_of(normalised(packed.archive))

    return Step("package", lambda _: f"pack {folder} as {version}", run, looks=True, previewed=True)


def chart_folder(project: Project) -> Path:
    """The folder of the project's chart. Raises ConfigError: it is none here."""
    chart = find_chart(project)
    if chart.folder is None:
        raise ConfigError(
            f"{chart.ref} is no folder with a chart",
            code="no-chart",
            where=project.origins["chart"],
            hint="name a folder with a Chart.yaml: --chart",
        )
    return chart.folder


def read_package(path: Path) -> Package:
    """An archive in a file, with its provenance if that lies beside it. Raises DogctlError."""
    try:
        archive = path.read_bytes()
        signed = Path(f"{path}.prov")
        return package_of(archive, signed.read_bytes() if signed.is_file() else None)
    except OSError as error:
        raise ConfigError(
            f"cannot read the archive: {error.strerror}",
            code="no-chart",
            where=str(path),
            hint="dogctl chart package makes one",
        ) from None


def package_of(archive: bytes, provenance: bytes | None = None) -> Package:
    """An archive with what its Chart.yaml says. Raises DogctlError."""
    found = kubernetes_yaml.parse(
        chart_file(archive).decode(errors="replace"),
        "the chart's metadata",
        where="Chart.yaml",
        code="bad-chart",
        hint="correct it",
    )
    name, version = found.get("name"), found.get("version")
    if not isinstance(name, str) or not NAME.fullmatch(name) or not is_strict(str(version)):
        raise ConfigError(
            f"a chart has a name and a version of SemVer, not {name!r} and {version!r}",
            code="bad-chart",
            where="Chart.yaml",
            hint="correct that",
        )
    return Package(name, str(version), found, archive, moment(), provenance)


def write(folder: Path, package: Package) -> Path:
    """Put a package into a folder: whole, or not at all. Answers where."""
    path = folder / file_name(package.name, package.version)
    save(path, package.archive)
    if package.provenance is not None:
        save(Path(f"{path}.prov"), package.provenance)
    return path


def save(path: Path, content: bytes) -> None:
    """Write a file: whole, or not at all, whoever else writes it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as part:
        made = Path(part.name)
        try:
            part.write(content)
            part.flush()
            made.chmod(0o644)
            made.replace(path)
        except BaseException:
            made.unlink()
            raise
