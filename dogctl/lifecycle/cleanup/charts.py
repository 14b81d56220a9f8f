"""`dogctl cleanup charts`: old versions of the project's chart go from its repository, for good.

They go out of the index first, all at once, so that nobody is told of what is about to go; then
their archives go, with those that an earlier cleanup, or a publisher, who was stopped has left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from dogctl.chartrepos.base import Indexed, archive_key
from dogctl.chartrepos.index import Entry
from dogctl.lifecycle.charts.address import Address
from dogctl.lifecycle.charts.repository import open_indexed
from dogctl.lifecycle.cleanup import guards
from dogctl.lifecycle.cleanup.chart_retention import ChartFindings, decide_charts
from dogctl.lifecycle.cleanup.chart_uses import asked_for, dependents
from dogctl.lifecycle.cleanup.guards import Guard
from dogctl.lifecycle.cleanup.parts import Findings, Scan, nothing, verifying
from dogctl.lifecycle.cleanup.plan_file import Planned
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.retention import Policy, anything
from dogctl.lifecycle.cleanup.sweep import Swept, require_done
from dogctl.plan import Plan, Run, Step
from dogctl.registries.inventory import Item, Kind
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project

UNLIST, ARCHIVES = "unlist", "archives"
_WAKE = 5.0


@dataclass
class Charts:
    """The versions of one chart in a repository with an index, as a Part.

    Args:
        project: whose chart it is.
        policy: what may go.
        allowed: the guards that are overridden.
        planned: if given, nothing goes that is not in it.
        environments: the project in each environment that it declares.
        address: where the repository is.
        chart: the chart's name.
        waits: whether to wait until nobody is shown the old index, and delete the archives then;
            else the next cleanup deletes them.
        remember: hears of every secret before it is used.
        now: what ages are counted from.
    """

    project: Project
    policy: Policy
    allowed: frozenset[Guard] = frozenset()
    planned: Planned | None = None
    environments: Sequence[Project] = ()
    address: Address = field(kw_only=True)
    chart: str = field(kw_only=True)
    waits: bool = True
    remember: Remember = lambda _: None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        return "charts"

    @property
    def place(self) -> str:
        return self.address.url

    def look(self, run: Run, used: References) -> ChartFindings:
        """What is there, and what is decided about it. Raises DogctlError."""
        repository = self._open(run)
        # In this order an archive that is published meanwhile is one that the index names.
        archives = run.interruptible(lambda: repository.archives(self.chart))
        entries = run.interruptible(repository.listing).versions
        asked = {**dependents(entries, self.chart), **self._asked, **used.versions}
        may_go = self.planned.allows if self.planned else anything
        return decide_charts(
            self.chart,
            entries,
            archives,
            asked,
            self.policy,
            self.now,
            may_go,
            gaps=tuple(used.gaps),
        )

    def deleting(self, found: Findings, scan: Scan) -> Plan:
        """The steps that delete what goes. Raises ConfigError: something speaks against it."""
        count = len(found.going)
        if not count:
            return nothing(self.name)
        guards.refuse(found.objections, self.allowed)
        versions = sum(each.kind is Kind.CHART for each in found.going)
        unlist = Step(
            UNLIST,
            lambda _: f"take {versions} versions of {self.chart} out of {self.place}",
            lambda run: self._unlist(run, found, scan),
            detail=lambda _: [
                f"- {each.item.tags[0]}: {each.reason}" for each in found.decided if not each.keep
            ],
        )
        archives = Step(
            ARCHIVES,
            lambda _: "delete their archives",
            self._delete,
            needs=(UNLIST,),
            left=lambda _: "archives are left that no index names: the next cleanup deletes them",
        )
        checked = verifying(self._verify, (UNLIST, ARCHIVES))
        warning = f"This deletes {count} charts of {self.place} for good."
        return Plan("cleanup charts", (unlist, archives, checked), warning)

    @cached_property
    def _asked(self) -> dict[str, str]:
        return asked_for((self.project, *self.environments), self.chart)

    def _unlist(self, run: Run, found: Findings, scan: Scan) -> _Unlisted:
        """What still goes when all of it is looked at again."""
        swept, again = Swept(), self.look(run, scan(run))
        guards.require_proof(again.in_use, self.allowed)
        reasons = {each.item: each.reason for each in again.decided if each.keep}
        still = set(again.going)
        going = [each for each in found.going if each in still]
        for each in found.going:
            if each not in still:
                swept.drop((each,), reasons.get(each, "it is not there any more, or has changed"))
        versions = {each.tags[0] for each in going if each.kind is Kind.CHART}
        repository = self._open(run)
        gone = repository.remove(self.chart, versions) if versions else ()
        return _Unlisted(swept, again, tuple(going), gone)

    def _delete(self, run: Run) -> Swept:
        unlisted: _Unlisted = run.results[UNLIST]
        repository = self._open(run)
        left = [Entry(self.chart, "", urls=each.tags) for each in unlisted.going if _is_left(each)]
        gone = unlisted.gone
        if gone and repository.cache and self.waits:
            _wait(run, repository.cache)
        elif gone and repository.cache:
            gone = ()
        named = {archive_key(each) for each in (*gone, *left)}
        deleted = repository.delete_archives((*gone, *left)) if named else ()
        freed = {archive_key(each) for each in deleted}
        swept = unlisted.swept
        keys = {each.version: archive_key(each) for each in unlisted.gone}
        for item in unlisted.going:
            key = keys.get(item.tags[0], item.tags[0])
            swept.note_deleted(item if key in freed else replace(item, size=0))
        return swept

    def _verify(self, run: Run) -> Swept:
        unlisted: _Unlisted = run.results[UNLIST]
        swept: Swept = run.results[ARCHIVES]
        repository = self._open(run)
        entries = repository.listing(self.chart).versions
        archives = {each.key for each in repository.archives(self.chart)}
        require_done(
            swept,
            tuple(_missing(unlisted, entries, archives)),
            [each for each in swept.deleted if _is_there(each, entries, archives)],
            "charts",
        )
        return swept

    def _open(self, run: Run) -> Indexed:
        return open_indexed(self.project, self.address, run.sleep)


@dataclass(frozen=True)
class _Unlisted:
    """What is out of the index, with what was seen just before."""

    swept: Swept
    seen: ChartFindings
    going: tuple[Item, ...]
    gone: tuple[Entry, ...]


def _missing(
    unlisted: _Unlisted, entries: Collection[Entry], archives: Collection[str]
) -> Iterator[Item]:
    """What was to stay, and is not in the index any more, or without its archive."""
    versions = {each.version for each in entries}
    before = {each.key for each in unlisted.seen.archives}
    lost = {
        each.version
        for each in entries
        if (key := archive_key(each)) in before and key not in archives
    }
    going = set(unlisted.going)
    for each in unlisted.seen.inventory.items:
        version = each.tags[0]
        if version in lost or (each not in going and version not in versions):
            yield each


def _is_there(item: Item, entries: Collection[Entry], archives: Collection[str]) -> bool:
    if _is_left(item):
        return item.tags[0] in archives
    return any(each.version == item.tags[0] for each in entries)


def _is_left(item: Item) -> bool:
    return item.kind is Kind.ARCHIVE


def _wait(run: Run, seconds: float) -> None:
    """Let caches on the way to readers run out. Raises Cancelled."""
    run.progress(f"waiting {seconds:.0f} s, since readers may be shown the old index until then")
    left = seconds
    while left > 0:
        run.glance(f"{left:.0f} s left")
        run.sleep(min(_WAKE, left))
        left -= _WAKE
