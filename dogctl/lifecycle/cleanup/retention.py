"""Which manifests of a repository stay, which go, and why: pure functions.

What stays is a set that only ever grows: what has a reason of its own, and what belongs to that.
So what is deleted changes no reason of the rest, and a run that was interrupted is completed by
the next one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from dogctl.image import Digest
from dogctl.registries.inventory import Inventory, Item, Kind, subject_of

GRACE = timedelta(hours=24)
# Docker's first release: an earlier time is one that a reproducible build has made up.
FIRST_TIME = datetime(2013, 3, 1, tzinfo=UTC)

Pattern = re.Pattern[str]
# What decides between items of one time, such as their versions.
Tie = Callable[[Item], Any]


@dataclass(frozen=True)
class Policy:
    """What may go: what is beyond the newest N of its group AND older than T, where both are given.

    Args:
        keep: how many distinct tagged digests stay in each group.
        older_than: nothing younger goes.
        group: which group a tag is in: the first parenthesis of the expression, or all that it
            matches; tags that it does not match are a group together.
        protect: what has a tag that one of them matches as a whole stays.
        only: if given, only digests of which every tag is matched go, and nothing without a tag.
        grace: what is younger stays, since it may be about to get a tag.
    """

    keep: int | None = None
    older_than: timedelta | None = None
    group: Pattern | None = None
    protect: tuple[Pattern, ...] = ()
    only: tuple[Pattern, ...] = ()
    grace: timedelta = GRACE

    def __post_init__(self) -> None:
        if self.keep is None and self.older_than is None:
            raise ValueError("a policy says how many stay, or how old what goes is")
        if self.keep is not None and self.keep < (1 if self.older_than is None else 0):
            raise ValueError("at least one stays")
        if min(self.older_than or timedelta(0), self.grace) < timedelta(0):
            raise ValueError("an age is not negative")


def keep_latest(number: int) -> Policy:
    """The policy `keep-latest`: the newest N stay. Raises ValueError."""
    return Policy(keep=number)


def older_than_a_month() -> Policy:
    """The policy `older-than-a-month`: what is older than 30 days goes."""
    return Policy(older_than=timedelta(days=30))


@dataclass(frozen=True)
class InUse:
    """What runs somewhere, or may be rolled back to, with one of the places that say so.

    Args:
        gaps: what speaks against that being all, a line each; none if it is proven to be.
    """

    digests: Mapping[Digest, str]
    tags: Mapping[str, str]
    gaps: tuple[str, ...] = ()

    def where(self, item: Item) -> str | None:
        """Where it is in use; None if nowhere."""
        for name in (item.digest, item.config):
            if name is not None and name in self.digests:
                return self.digests[name]
        return next((self.tags[tag] for tag in item.tags if tag in self.tags), None)


@dataclass(frozen=True)
class Decision:
    """What happens to one manifest, and why."""

    item: Item
    keep: bool
    reason: str


def anything(_: Item) -> bool:
    """Nothing stays for the want of a plan."""
    return True


def decide(
    inventory: Inventory,
    policy: Policy,
    in_use: InUse,
    now: datetime,
    may_go: Callable[[Item], bool] = anything,
    tie: Tie = attrgetter("digest"),
    others: Collection[Kind] = (),
) -> tuple[Decision, ...]:
    """A decision for each item, those that go first, in an order that is always the same.

    `may_go` says of an item whether it is in the plan that is carried out; `tie` has to be one that
    two items can be compared by; `others` are kinds that the policy is not about.
    """
    items = inventory.items
    roots = _roots([each for each in items if each.kind not in others], policy, in_use, now, tie)
    for each in items:
        if each.kind in others:
            roots[each.digest] = f"is of another kind: {each.kind}"
        elif not may_go(each):
            roots.setdefault(each.digest, "is not in the plan")
    kept = _closure(inventory, roots, in_use)
    decided = (
        Decision(each, each.digest in kept, kept.get(each.digest) or _why_it_goes(each, policy))
        for each in items
    )
    return tuple(sorted(decided, key=lambda each: (each.keep, each.item.tags, each.item.digest)))


def _roots(
    items: Collection[Item], policy: Policy, in_use: InUse, now: datetime, tie: Tie
) -> dict[Digest, str]:
    newest = _newest(items, policy, now, tie)
    present = {each.digest for each in items}
    found = {}
    for item in items:
        follows = item.kind is Kind.REFERRER and not present.isdisjoint(item.subjects)
        reason = (
            _use(item, in_use)
            or _rule(item, policy, follows=follows)
            or _age(item, policy, now, follows=follows)
            or newest.get(item.digest)
        )
        if reason:
            found[item.digest] = reason
    return found


def _use(item: Item, in_use: InUse) -> str | None:
    where = in_use.where(item)
    return f"in use: {where}" if where else None


def _rule(item: Item, policy: Policy, *, follows: bool) -> str | None:
    """`follows`: whether there is a subject whose fate it shares."""
    if item.immutable:
        return "its tag is immutable"
    for tag in item.tags:
        if any(each.fullmatch(tag) for each in policy.protect):
            return f"{tag} is protected"
    # A tag that names the subject is none of its own.
    tags = [tag for tag in item.tags if not (follows and subject_of(tag))]
    if not policy.only or (follows and not tags):
        return None
    if not tags:
        return "has no tag, and only some tags are to go"
    others = (tag for tag in tags if not any(each.fullmatch(tag) for each in policy.only))
    other = next(others, None)
    return f"{other} is none of those that are to go" if other else None


def _age(item: Item, policy: Policy, now: datetime, *, follows: bool) -> str | None:
    if item.pushed is None or item.pushed < FIRST_TIME:
        return None if follows else "nobody knows how old it is"
    age = now - item.pushed
    if age < policy.grace:
        return f"younger than {_days(policy.grace)}"
    if policy.older_than is not None and age < policy.older_than and not follows:
        return f"younger than {_days(policy.older_than)}"
    return None


def _newest(items: Iterable[Item], policy: Policy, now: datetime, tie: Tie) -> dict[Digest, str]:
    """The newest N of each group.

    What has no known time, or one that is yet to come, stays anyhow, and takes no place.
    """
    if not policy.keep:
        return {}
    groups = defaultdict(set)
    for item in items:
        if item.kind is not Kind.REFERRER and item.pushed and FIRST_TIME <= item.pushed <= now:
            for tag in item.tags:
                groups[_group(tag, policy.group)].add((item.pushed, tie(item), item.digest))
    found = {}
    for name, members in groups.items():
        of = f" of {name}" if name else ""
        for *_, digest in sorted(members, reverse=True)[: policy.keep]:
            found[digest] = f"one of the newest {policy.keep}{of}"
    return found


def _group(tag: str, pattern: Pattern | None) -> str:
    match = pattern.search(tag) if pattern else None
    if match is None:
        return ""
    return (match[1] if match.re.groups else match[0]) or ""


def _closure(inventory: Inventory, roots: dict[Digest, str], in_use: InUse) -> dict[Digest, str]:
    """What stays for its own sake, and what belongs to it."""
    belonging = _belonging(inventory, in_use)
    kept = dict(roots)
    waiting = list(roots)
    while waiting:
        digest = waiting.pop()
        for other, reason in belonging[digest]:
            if other not in kept:
                kept[other] = reason
                waiting.append(other)
    return kept


def _belonging(inventory: Inventory, in_use: InUse) -> Mapping[Digest, list[tuple[Digest, str]]]:
    """What has to stay with each digest."""
    found = defaultdict(list)
    running = _running(inventory.items, in_use)
    for item in inventory.items:
        for child in item.children:
            found[item.digest].append((child, f"part of {_name(item)}"))
            # An index that runs may be known by the image of one platform only.
            if child in running or inventory.cascades:
                found[child].append((item.digest, f"an index around {child}"))
        for subject in item.subjects:
            found[subject].append((item.digest, f"belongs to {subject}"))
    return found


def _running(items: Collection[Item], in_use: InUse) -> set[Digest]:
    """What runs, and every index around that, however deep it is in it."""
    found = {each.digest for each in items if in_use.where(each)}
    size = -1
    while len(found) != size:
        size = len(found)
        found |= {each.digest for each in items if not found.isdisjoint(each.children)}
    return found


def _why_it_goes(item: Item, policy: Policy) -> str:
    if item.kind is Kind.REFERRER:
        return "belongs to nothing that stays"
    if not item.tags:
        return "has no tag, and is part of nothing that stays"
    return " and ".join(_limits(policy))


def _limits(policy: Policy) -> Iterator[str]:
    if policy.keep:
        yield f"beyond the newest {policy.keep}"
    if policy.older_than is not None:
        yield f"older than {_days(policy.older_than)}"


def _name(item: Item) -> str:
    return item.tags[0] if item.tags else str(item.digest)


def _days(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:g} h" if hours < 48 else f"{hours / 24:g} days"
