"""Which versions of a chart stay, which go, and why: as with images, whose tags they are.

Pure functions.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dogctl.chartrepos.base import Archive, archive_key
from dogctl.chartrepos.index import Entry
from dogctl.chartrepos.versions import NONE, Precedence, is_strict, precedence
from dogctl.image import Digest
from dogctl.lifecycle.cleanup.chart_uses import versions_in_use
from dogctl.lifecycle.cleanup.guards import objections
from dogctl.lifecycle.cleanup.parts import Findings
from dogctl.lifecycle.cleanup.retention import Decision, InUse, Policy, anything, decide
from dogctl.registries.inventory import Inventory, Item, Kind, time_of


@dataclass(frozen=True)
class ChartFindings(Findings):
    """What was found of a chart; archives that no index names are among what is decided.

    Args:
        archives: the files beside the index.
    """

    archives: tuple[Archive, ...] = ()


def decide_charts(
    name: str,
    entries: Collection[Entry],
    archives: Collection[Archive],
    asked: Mapping[str, str],
    policy: Policy,
    now: datetime,
    may_go: Callable[[Item], bool] = anything,
    *,
    gaps: tuple[str, ...] = (),
) -> ChartFindings:
    """What goes of the versions of a chart, and of what was left behind of them.

    Args:
        name: of the chart; others are looked at for what they name only.
        entries: all of the index.
        asked: versions that are needed, or ranges of them, with the place of each.
        gaps: what speaks against those being all.

    Raises DogctlError: an archive is not beside the index.
    """
    own = [each for each in entries if each.name == name]
    in_use = InUse({}, versions_in_use(asked, {each.version for each in own}), gaps)
    inventory = Inventory(chart_items(own, archives))
    decided = decide(inventory, policy, in_use, now, may_go, by_version)
    left = left_behind(name, archives, entries, now - policy.grace)
    also = tuple(each for each in left if may_go(each.item))
    # An index that is not there, or is another one, names none of them.
    counted = Inventory((*inventory.items, *(each.item for each in also)))
    against = objections(counted, in_use, (*decided, *also))
    return ChartFindings(inventory, in_use, (*decided, *also), against, tuple(archives))


def chart_items(entries: Iterable[Entry], archives: Iterable[Archive] = ()) -> tuple[Item, ...]:
    """An item for each version, which is its tag.

    Of several entries of one version all go, or none: it is as old as the youngest of them. Raises
    DogctlError: an archive is not beside the index.
    """
    sizes = {each.key: each.size for each in archives}
    versions = defaultdict(list)
    for entry in entries:
        versions[entry.version].append(entry)
    return tuple(_item(version, found, sizes) for version, found in versions.items())


def left_behind(
    name: str, archives: Iterable[Archive], entries: Iterable[Entry], before: datetime
) -> tuple[Decision, ...]:
    """The archives of a chart that no index names, from before a time.

    A younger one may be that of a publisher who is about to write the index.
    """
    named = {archive_key(each) for each in entries}
    return tuple(
        Decision(
            archive_item(each), keep=False, reason="its archive is left, and no index names it"
        )
        for each in sorted(archives, key=lambda each: each.key)
        if each.key not in named and each.since and each.since < before and version_in(name, each)
    )


def archive_item(archive: Archive) -> Item:
    """An archive that no index names; its tag is the name of its file."""
    return Item(
        _made_up(archive.key), Kind.ARCHIVE, (archive.key,), archive.since, size=archive.size
    )


def version_in(name: str, archive: Archive) -> str | None:
    """The version in the name of a chart's archive; None: it is another chart's."""
    found = re.fullmatch(rf"{re.escape(name)}-(.+)\.tgz", archive.key)
    return found[1] if found and is_strict(found[1]) else None


def by_version(item: Item) -> Precedence:
    """The order of versions that were published at one time; a tag has no plus."""
    return max((precedence(tag.replace("_", "+")) for tag in item.tags), default=NONE)


def _item(version: str, entries: list[Entry], sizes: Mapping[str, int]) -> Item:
    times = [time_of(each.created) for each in entries]
    known = [each for each in times if each]
    return Item(
        _digest(entries[0]),
        Kind.CHART,
        (version,),
        max(known) if len(known) == len(times) else None,
        size=sum(sizes.get(key, 0) for key in {archive_key(each) for each in entries}),
    )


def _digest(entry: Entry) -> Digest:
    """That of its archive; an index may have none."""
    try:
        return Digest.parse(f"sha256:{(entry.digest or '').removeprefix('sha256:')}")
    except ValueError:
        return _made_up(f"{entry.name} {entry.version}")


def _made_up(text: str) -> Digest:
    return Digest("sha256", hashlib.sha256(text.encode()).hexdigest())
