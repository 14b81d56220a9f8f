"""Random repositories, clusters and policies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from dogctl.image import Digest
from dogctl.lifecycle.cleanup.retention import InUse, Policy
from dogctl.registries.inventory import Inventory, Item, Kind

NOW = datetime(2026, 11, 21, tzinfo=UTC)
# Of signatures, whatever they are on.
SIGNATURES = tuple(f"sha256-{number:064x}.sig" for number in (0, 3, 999))
TAGS = (*SIGNATURES, "main-1", "main-2", "dev-1", "dev-2", "1.0", "1.1", "latest", "x", "y", "z")
EXPRESSIONS = ("main-.*", "dev-.*", r"\d.*", "x|y", "latest")


@dataclass(frozen=True)
class World:
    """A repository, what is in use of it, and a policy."""

    inventory: Inventory
    in_use: InUse
    policy: Policy


def digest(number: int) -> Digest:
    return Digest("sha256", f"{number:064x}")


def policies() -> st.SearchStrategy[Policy]:
    patterns = st.lists(st.sampled_from(EXPRESSIONS).map(re.compile), max_size=2).map(tuple)
    ages = st.sampled_from([0, 2, 30, 90]).map(lambda days: timedelta(days=days))
    limits = st.one_of(
        st.tuples(st.integers(1, 4), st.none()),
        st.tuples(st.none(), ages),
        st.tuples(st.integers(0, 4), ages),
    )
    groups = st.sampled_from([None, re.compile("^[a-z]+"), re.compile(r"^(\w+)-")])
    return st.builds(
        lambda limit, group, protect, only: Policy(*limit, group, protect, only),
        limits,
        groups,
        patterns,
        patterns,
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Manifests name only those that were made before them, as their hashes demand."""
    size = draw(st.integers(1, 14))
    owners = draw(st.lists(st.integers(0, size - 1), min_size=len(TAGS), max_size=len(TAGS)))
    tagged = draw(st.sets(st.sampled_from(TAGS)))
    tags: dict[int, tuple[str, ...]] = {}
    for tag, owner in zip(TAGS, owners, strict=True):
        if tag in tagged:
            tags[owner] = (*tags.get(owner, ()), tag)
    items = tuple(_item(draw, number, tags.get(number, ())) for number in range(size))
    running = draw(st.sets(st.one_of(st.integers(0, size), st.just(1001)), max_size=3))
    used = draw(st.sets(st.sampled_from(TAGS), max_size=2))
    in_use = InUse({digest(each): "prod" for each in running}, dict.fromkeys(used, "prod"))
    cascades = draw(st.booleans())
    return World(Inventory(items, cascades=cascades), in_use, draw(policies()))


def _item(draw: st.DrawFn, number: int, tags: tuple[str, ...]) -> Item:
    hours = draw(st.sampled_from([None, 1, 23, 25, 100, 800, 3000, 500_000]))
    pushed = None if hours is None else NOW - timedelta(hours=hours)
    kind = draw(st.sampled_from(list(Kind))) if number else Kind.IMAGE
    others = st.integers(0, max(number - 1, 0)).map(digest)
    children = draw(st.sets(others, max_size=3)) if kind is Kind.INDEX else set()
    # A subject that is not there any more is one that was deleted by somebody else.
    subject = draw(st.one_of(others, st.just(digest(999)))) if kind is Kind.REFERRER else None
    immutable = draw(st.integers(0, 9)) == 0
    return Item(
        digest(number),
        kind,
        tags,
        pushed,
        children=tuple(sorted(children)),
        subject=subject,
        config=digest(1000 + number // 2),
        immutable=immutable,
    )
