"""Which parts a cleanup has: images, and charts where the project has a repository for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.errors import DogctlError
from dogctl.lifecycle.charts.address import Kind
from dogctl.lifecycle.charts.repository import address_of
from dogctl.lifecycle.cleanup import plan_file
from dogctl.lifecycle.cleanup.chart_uses import chart_name
from dogctl.lifecycle.cleanup.charts import Charts
from dogctl.lifecycle.cleanup.guards import Guard
from dogctl.lifecycle.cleanup.images import Images
from dogctl.lifecycle.cleanup.in_use import scan
from dogctl.lifecycle.cleanup.parts import Cleanup, Looked, Part
from dogctl.lifecycle.cleanup.policies import Words
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.registry_charts import RegistryCharts
from dogctl.lifecycle.cleanup.retention import Policy
from dogctl.lifecycle.image import image_name, is_local
from dogctl.plan import Run
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project

IMAGES, CHARTS = "images", "charts"


def cleanup_of(
    project: Project,
    environments: Sequence[Project],
    policy: Policy,
    allowed: frozenset[Guard] = frozenset(),
    what: str | None = None,
    given: Path | None = None,
    remember: Remember = lambda _: None,
    *,
    waits: bool = True,
) -> Cleanup:
    """The cleanup of one part, or of all that the project has.

    Args:
        environments: the project in each environment that it declares.
        policy: what may go.
        allowed: the guards that are overridden.
        what: the name of the part.
        given: the file of a plan; nothing goes that is not in it.
        waits: whether to wait for caches, rather than leave archives of charts to the next time.
        remember: hears of every secret before it is used.

    Raises ConfigError: there is nothing to clean up, or the file is no plan for it.
    """
    parts = list(_parts(project, environments, policy, allowed, remember, what))
    if not waits:
        parts = [replace(each, waits=False) if isinstance(each, Charts) else each for each in parts]
    if given:
        planned = plan_file.read(given, {each.name: each.place for each in parts})
        parts = [replace(each, planned=planned[each.name]) for each in parts]
    wanted = _wanted(parts)

    def look(run: Run) -> References:
        return scan(environments, wanted, remember=remember, note=run.progress)

    names = ", ".join(str(each.environment) for each in environments)
    return Cleanup(parts, look, names or "no environment", what)


def _parts(
    project: Project,
    environments: Sequence[Project],
    policy: Policy,
    allowed: frozenset[Guard],
    remember: Remember,
    what: str | None,
) -> Iterator[Images | Charts]:
    """The part that is named; without a name those that the project has."""
    repository = project.settings.chart_repository
    if what == IMAGES or (what is None and not (repository and is_local(image_name(project)))):
        yield Images(project, policy, allowed, remember=remember)
    if what == CHARTS or (what is None and repository):
        address, chart = address_of(project), chart_name(project)
        kind = RegistryCharts if address.kind is Kind.OCI else Charts
        yield kind(
            project,
            policy,
            allowed,
            remember=remember,
            environments=environments,
            address=address,
            chart=chart,
        )


def _wanted(parts: Sequence[Images | Charts]) -> References:
    """What has to be known to be in use, or not."""
    found = References(None)
    for each in parts:
        if isinstance(each, Charts | RegistryCharts):
            found = References(found.repository, each.chart)
        else:
            found = References(each.repository, found.chart)
    return found


def write_plan(path: Path, words: Words, parts: Sequence[Part], looked: Looked) -> None:
    """Write what goes. Raises DogctlError: some of it cannot be told."""
    decided = {}
    for each in parts:
        found = looked[each.name]
        if isinstance(found, DogctlError):
            raise found
        decided[each.name] = (each.place, found.decided)
    plan_file.write(path, words, decided)
