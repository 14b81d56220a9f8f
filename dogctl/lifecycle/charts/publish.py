"""`dogctl chart publish`: the chart in its repository, once and for ever."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Text
from dogctl.chartrepos.base import ChartRepository, Package, is_same
from dogctl.lifecycle.charts.address import Address
from dogctl.lifecycle.charts.packing import (
    Packing,
    chart_folder,
    described,
    lint_step,
    package_step,
    read_package,
)
from dogctl.lifecycle.charts.repository import address_of, open_repository
from dogctl.plan import Plan, Results, Run, Step
from dogctl.secrets import Remember
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class Published:
    """Where a version is, and whether it was published just now."""

    url: str
    fresh: bool = False


def plan_publish(
    project: Project,
    packing: Packing,
    archive: Path | None = None,
    *,
    remember: Remember = lambda _: None,
    runner: Runner = LOCAL,
) -> Plan:
    """Check, pack and publish the project's chart, or publish an archive as it is.

    Raises ConfigError: there is no chart, or no repository for it.
    """
    address = address_of(project)
    publish = _publish(project, address, remember)
    if archive is not None:
        read = Step(
            "package",
            lambda _: f"read {archive}",
            lambda _: read_package(archive),
            looks=True,
            previewed=True,
        )
        return Plan("chart publish", (read, publish))
    lint = lint_step(chart_folder(project), strict=False, runner=runner)
    return Plan("chart publish", (lint, package_step(project, packing, runner), publish))


def answer_publish(results: Results) -> Answer:
    """Where it is."""
    made: Package = results["package"]
    published: Published = results["publish"]
    what = f"{made.name} {made.version}"
    says = f"{what} is published" if published.fresh else f"{what} was published: nothing to do"
    data = {**described(made), "repository": published.url, "published": published.fresh}
    rows = (("Repository", published.url), ("Digest", f"sha256:{made.digest}"))
    return Answer(data, (Text(says), Fields(rows)), summary=published.fresh)


def _publish(project: Project, address: Address, remember: Remember) -> Step:
    def done(results: Results) -> Published | None:
        repository = open_repository(project, address, remember)
        return Published(address.url) if _is_there(repository, results["package"]) else None

    def run(step: Run) -> Published:
        repository = open_repository(project, address, remember, step.sleep)
        return Published(address.url, fresh=repository.publish(step.results["package"]))

    def change(results: Results) -> str:
        named = results.show("package", lambda made: f"{made.name} {made.version}")
        return f"publish {named} to {address.url}"

    return Step(
        "publish",
        change,
        run,
        needs=("package",),
        done=done,
        left=lambda _: "an archive may be up that nothing names yet",
    )


def _is_there(repository: ChartRepository, package: Package) -> bool:
    """Whether this very chart is published. Raises DogctlError: another one is, as this version."""
    found = repository.find(package.name, package.version)
    return found is not None and is_same(found, package, lambda: repository.pull(found))
