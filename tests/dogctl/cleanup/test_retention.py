"""What stays and what goes: by hand, and in random worlds."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dogctl.image import Digest
from dogctl.lifecycle.cleanup.order import units
from dogctl.lifecycle.cleanup.retention import (
    InUse,
    Policy,
    decide,
    keep_latest,
    older_than_a_month,
)
from dogctl.registries.inventory import Inventory, Item, Kind
from tests.dogctl.cleanup.worlds import NOW, World, digest, worlds

pytestmark = pytest.mark.timeout(900)
WORLDS = 5000 if os.environ.get("CI") == "true" else 300
NOTHING = InUse({}, {})


def going(world: World) -> list[Item]:
    found = decide(world.inventory, world.policy, world.in_use, NOW)
    return [each.item for each in found if not each.keep]


def without(world: World, gone: Collection[Digest]) -> World:
    left = tuple(each for each in world.inventory.items if each.digest not in gone)
    return replace(world, inventory=replace(world.inventory, items=left))


@settings(max_examples=WORLDS)
@given(worlds())
def test_what_is_needed_is_never_deleted_and_a_second_run_deletes_nothing(world: World) -> None:
    gone = {each.digest for each in going(world)}
    known = {each.digest: each for each in world.inventory.items}
    for item in known.values():
        used = world.in_use.where(item) is not None
        if used:
            assert item.digest not in gone
        for child in item.children:
            # The whole of a kept index stays, and an index around what runs.
            assert child not in gone or item.digest in gone
            if child in known and world.in_use.where(known[child]):
                assert item.digest not in gone
            if world.inventory.cascades and child in known and child not in gone:
                assert item.digest not in gone
        if any(each in known and each not in gone for each in item.subjects):
            assert item.digest not in gone
    tags = {tag for each in known.values() if each.digest in gone for tag in each.tags}
    assert not tags & set(world.in_use.tags)
    assert not any(each.fullmatch(tag) for each in world.policy.protect for tag in tags)
    assert going(without(world, gone)) == []


@settings(max_examples=WORLDS // 5)
@given(worlds())
def test_the_newest_of_each_group_stay(world: World) -> None:
    policy = replace(world.policy, keep=2, group=None, only=(), protect=())
    gone = {each.digest for each in going(replace(world, policy=policy))}
    tagged = [
        each
        for each in world.inventory.items
        if each.tags and each.kind is not Kind.REFERRER and each.pushed and each.pushed.year > 2013
    ]
    newest = sorted(tagged, key=lambda each: (each.pushed, each.digest), reverse=True)[:2]
    assert not gone & {each.digest for each in newest}


@settings(max_examples=WORLDS)
@given(worlds(), st.data())
def test_an_interrupted_run_is_completed_by_the_next(world: World, data: st.DataObject) -> None:
    whole = {each.digest for each in going(world)}
    done = set()
    for unit in units(going(world)):
        count = data.draw(st.integers(0, len(unit)))
        done |= {each.digest for each in unit[:count]}
        if world.inventory.cascades:
            done |= {child for each in unit[:count] for child in each.children}
    done &= {each.digest for each in world.inventory.items}
    rest = {each.digest for each in going(without(world, done))}
    assert not done & rest
    assert done | rest == whole


@settings(max_examples=WORLDS // 5)
@given(worlds())
def test_what_names_another_goes_before_it(world: World) -> None:
    items = going(world)
    ordered = units(items)
    assert sorted(each.digest for unit in ordered for each in unit) == sorted(
        each.digest for each in items
    )
    for unit in ordered:
        gone: set[Digest] = set()
        for item in unit:
            assert not gone & {*item.children, item.subject}
            gone.add(item.digest)


@settings(max_examples=WORLDS // 5)
@given(worlds(), st.sets(st.integers(0, 13)))
def test_what_a_plan_does_not_name_stays_whole(world: World, planned: set[int]) -> None:
    allowed = {digest(number) for number in planned}
    found = decide(
        world.inventory, world.policy, world.in_use, NOW, lambda item: item.digest in allowed
    )
    gone = {each.item.digest for each in found if not each.keep}
    assert gone <= allowed & {each.digest for each in going(world)}
    for each in found:
        assert not each.keep or not gone & set(each.item.children)


def image(number: int, *tags: str, days: float | None = 100, **more: object) -> Item:
    pushed = None if days is None else NOW - timedelta(days=days)
    return replace(Item(digest(number), tags=tags, pushed=pushed), **more)  # type: ignore[arg-type]


def reasons(policy: Policy, *items: Item, in_use: InUse = NOTHING) -> dict[int, str | None]:
    """Why each stays, by its number; None for what goes."""
    found = decide(Inventory(items), policy, in_use, NOW)
    return {int(each.item.digest.hex, 16): each.reason if each.keep else None for each in found}


def test_the_newest_of_each_branch_stay() -> None:
    policy = replace(keep_latest(1), group=re.compile(r"^(\w+)-"))
    found = reasons(
        policy,
        image(1, "main-1", days=5),
        image(2, "main-2", "latest", days=4),
        image(3, "dev-1", days=50),
        image(4, days=3),
    )
    assert found == {
        1: None,
        2: "one of the newest 1",
        3: "one of the newest 1 of dev",
        4: None,
    }


def test_both_limits_have_to_be_passed() -> None:
    policy = Policy(keep=1, older_than=timedelta(days=30))
    items = (image(1, "a", days=50), image(2, "b", days=40), image(3, "c", days=20))
    assert reasons(policy, *items) == {1: None, 2: None, 3: "younger than 30 days"}
    assert reasons(policy, *items[:2]) == {1: None, 2: "one of the newest 1"}


def test_a_month_is_thirty_days() -> None:
    found = reasons(older_than_a_month(), image(1, "a", days=31), image(2, "b", days=29))
    assert found == {1: None, 2: "younger than 30 days"}


def test_what_nobody_knows_stays() -> None:
    found = reasons(
        keep_latest(1),
        image(1, "a", days=None),
        image(2, "b", days=20_000),
        image(3, "c", days=0.5),
        image(4, "d", days=9),
        image(5, "e", days=10, immutable=True),
        image(6, "f", days=11),
    )
    assert found == {
        1: "nobody knows how old it is",
        2: "nobody knows how old it is",
        3: "younger than 24 h",
        4: None,
        5: "its tag is immutable",
        6: None,
    }


def test_a_clock_that_is_wrong_takes_no_place() -> None:
    found = reasons(keep_latest(1), image(1, "a", days=-9000), image(2, "b", days=9))
    assert found == {1: "younger than 24 h", 2: "one of the newest 1"}


def test_a_tag_keeps_its_siblings() -> None:
    policy = replace(keep_latest(1), protect=(re.compile(r"v\d+"),), only=(re.compile("v.*|x"),))
    found = reasons(
        policy,
        image(1, "v1", "x", days=9),
        image(2, "x", "other", days=8),
        image(3, "vx", days=7),
        image(4, "newest", days=2),
        image(5),
    )
    assert found == {
        1: "v1 is protected",
        2: "other is none of those that are to go",
        3: None,
        4: "newest is none of those that are to go",
        5: "has no tag, and only some tags are to go",
    }


def test_families_share_their_fate() -> None:
    kept, gone, running = digest(1), digest(2), digest(3)
    found = reasons(
        keep_latest(1),
        image(10, "new", days=2, kind=Kind.INDEX, children=(kept,)),
        image(20, "old", kind=Kind.INDEX, children=(gone,)),
        image(30, "older", kind=Kind.INDEX, children=(gone, running)),
        image(1),
        image(2),
        image(3),
        image(40, kind=Kind.REFERRER, subject=kept, days=None),
        image(50, "older.sig", kind=Kind.REFERRER, subject=digest(20), days=None),
        in_use=InUse({running: "prod: pod app-1"}, {}),
    )
    assert found == {
        10: "one of the newest 1",
        20: None,
        30: f"an index around {running}",
        1: "part of new",
        2: "part of older",
        3: "in use: prod: pod app-1",
        40: f"belongs to {kept}",
        50: None,
    }


def signature(number: int) -> str:
    return f"sha256-{digest(number).hex}.sig"


def test_an_index_of_indexes_stays_around_what_runs() -> None:
    found = reasons(
        keep_latest(1),
        image(9, "new", days=2),
        image(3, "outer", kind=Kind.INDEX, children=(digest(2), digest(4))),
        image(2, kind=Kind.INDEX, children=(digest(1),)),
        image(1),
        image(4),
        in_use=InUse({digest(1): "prod: pod app-1"}, {}),
    )
    assert all(found.values())


def test_what_belongs_to_several_stays_with_any_of_them() -> None:
    found = reasons(
        keep_latest(1),
        image(1, "new", days=2),
        image(2, "old"),
        image(3, signature(1), signature(2), kind=Kind.REFERRER, subject=digest(2)),
        image(4, signature(1), "mine", days=50),
        image(5, signature(2), "its", days=60),
    )
    belongs = f"belongs to {digest(1)}"
    assert found == {1: "one of the newest 1", 2: None, 3: belongs, 4: belongs, 5: None}


def test_only_some_tags_go_of_what_belongs_to_something_too() -> None:
    policy = replace(keep_latest(1), only=(re.compile("old"),))
    other = "is none of those that are to go"
    found = reasons(
        policy,
        image(1, "new", days=2),
        image(2, "old"),
        image(3, signature(2), kind=Kind.REFERRER, subject=digest(2)),
        image(4, kind=Kind.REFERRER, subject=digest(2)),
        image(5, "proof-1", kind=Kind.REFERRER, subject=digest(2)),
        image(6, signature(99), kind=Kind.REFERRER, subject=digest(99)),
        image(7, "proof-2", kind=Kind.REFERRER, subject=digest(99)),
        image(8, kind=Kind.REFERRER, subject=digest(99)),
    )
    assert found == {
        1: f"new {other}",
        2: None,
        3: None,
        4: None,
        5: f"proof-1 {other}",
        6: f"{signature(99)} {other}",
        7: f"proof-2 {other}",
        8: "has no tag, and only some tags are to go",
    }


def test_tags_that_lead_round_in_circles_have_an_order() -> None:
    one, other = image(1, signature(2)), image(2, signature(1))
    ((first, *_),) = units([one, other, image(3, kind=Kind.INDEX, children=(digest(1),))])
    assert first.digest == digest(3)


@pytest.mark.parametrize(("keep", "days"), [(None, None), (0, None), (-1, 3), (None, -1)], ids=str)
def test_a_policy_without_a_limit_is_none(keep: int | None, days: int | None) -> None:
    age = None if days is None else timedelta(days=days)
    with pytest.raises(ValueError, match=r"stay|age"):
        Policy(keep=keep, older_than=age)
