"""In which order manifests go, so that a run may be stopped at any point.

What names another manifest goes before it: registries refuse the reverse, and whatever is left is
then found again by the next run. What belongs together goes together, so that little is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from dogctl.image import Digest
from dogctl.registries.inventory import Item


def units(items: Iterable[Item]) -> tuple[tuple[Item, ...], ...]:
    """The items in groups that may go at the same time, each in the order in which it goes."""
    going = {each.digest: each for each in items}
    before = {digest: _named(each, going) for digest, each in going.items()}
    groups = _together(before)
    # The sorter answers first what nothing is named by.
    order = _sorted(before) or _sorted({d: _held(going[d], going) for d in going})
    found = defaultdict(list)
    for digest in order:
        found[groups[digest]].append(going[digest])
    return tuple(tuple(found[digest]) for digest in going if digest in found)


def _sorted(before: Mapping[Digest, list[Digest]]) -> tuple[Digest, ...]:
    """What names others first; nothing if there is no such order."""
    try:
        return tuple(TopologicalSorter(before).static_order())[::-1]
    except CycleError:
        return ()


def _named(item: Item, going: Mapping[Digest, Item]) -> list[Digest]:
    return [digest for digest in (*item.children, *item.subjects) if digest in going]


def _held(item: Item, going: Mapping[Digest, Item]) -> list[Digest]:
    """What its content names: tags may lead round in circles, hashes may not."""
    return [digest for digest in item.children if digest in going]


def _together(named: Mapping[Digest, list[Digest]]) -> dict[Digest, Digest]:
    """For each digest one that is the same for all that it is connected with."""
    leaders = {digest: digest for digest in named}

    def leader(digest: Digest) -> Digest:
        while leaders[digest] != digest:
            leaders[digest] = leaders[leaders[digest]]
            digest = leaders[digest]
        return digest

    for digest, others in named.items():
        for other in others:
            leaders[leader(other)] = leader(digest)
    return {digest: leader(digest) for digest in named}
