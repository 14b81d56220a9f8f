"""Random repositories, clusters and policies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

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


PATTERNS = st.lists(st.sampled_from(EXPRESSIONS).map(re.compile), max_size=2).map(tuple)
AGES = st.sampled_from([0, 2, 30, 90]).map(lambda days: timedelta(days=days))
LIMITS = st.one_of(
    st.tuples(st.integers(1, 4), st.none()),
    st.tuples(st.none(), AGES),
    st.tuples(st.integers(0, 4), AGES),
)
GROUPS = st.sampled_from([None, re.compile("^[a-z]+"), re.compile(r"^(\w+)-")])
POLICIES = st.builds(
    lambda limit, *rest: Policy(limit[0], limit[1], *rest),
    LIMITS,
    GROUPS,
    PATTERNS,
    PATTERNS,
)
HOURS = (None, 1, 23, 25, 100, 800, 3000, 500_000)
KINDS = (Kind.IMAGE, Kind.INDEX, Kind.REFERRER)
# One choice is drawn in a fifth of the time that three take.
FACTS = st.sampled_from([*product(HOURS, KINDS, (True, *[False] * 9))])
SETS_OF_TAGS = st.sets(st.sampled_from(TAGS))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Manifests name only those that were made before them, as their hashes demand."""
    size = draw(st.integers(1, 14))
    owners = draw(st.lists(st.integers(0, size - 1), min_size=len(TAGS), max_size=len(TAGS)))
    tagged = draw(SETS_OF_TAGS)
    tags: dict[int, tuple[str, ...]] = {}
    for tag, owner in zip(TAGS, owners, strict=True):
        if tag in tagged:
            tags[owner] = (*tags.get(owner, ()), tag)
    items = tuple(_item(draw, number, tags.get(number, ())) for number in range(size))
    running = draw(st.sets(st.one_of(st.integers(0, size), st.just(1001)), max_size=3))
    used = draw(st.sets(st.sampled_from(TAGS), max_size=2))
    in_use = InUse({digest(each): "prod" for each in running}, dict.fromkeys(used, "prod"))
    cascades = draw(st.booleans())
    return World(Inventory(items, cascades=cascades), in_use, draw(POLICIES))


def _item(draw: st.DrawFn, number: int, tags: tuple[str, ...]) -> Item:
    hours, kind, immutable = draw(FACTS)
    pushed = None if hours is None else NOW - timedelta(hours=hours)
    kind = kind if number else Kind.IMAGE  # there is nothing before it to name
    others = st.integers(0, max(number - 1, 0)).map(digest)
    children = draw(st.sets(others, max_size=3)) if kind is Kind.INDEX else set()
    # A subject that is not there any more is one that was deleted by somebody else.
    subject = draw(st.one_of(others, st.just(digest(999)))) if kind is Kind.REFERRER else None
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
