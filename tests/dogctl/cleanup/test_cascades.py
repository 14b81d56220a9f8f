"""Random worlds at a registry like Docker Hub's: with an index it deletes all that this names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, RLock

import pytest
from hypothesis import given, settings

from dogctl.errors import DogctlError
from dogctl.image import Digest
from dogctl.lifecycle.cleanup.pace import Pace
from dogctl.lifecycle.cleanup.remembered import Remembered
from dogctl.lifecycle.cleanup.retention import decide
from dogctl.lifecycle.cleanup.sweep import sweep, verify
from dogctl.plan import Outcome, Results, Run, Step
from dogctl.registries import refusals
from dogctl.registries.inventory import Inventory, Item
from dogctl.registries.oci import hashed
from tests.dogctl.cleanup.worlds import NOW, World, worlds

pytestmark = pytest.mark.timeout(900)
WORLDS = 1000 if os.environ.get("CI") == "true" else 100


class Cascading:
    """A shelf that refuses what something refers to, and else takes all parts along."""

    settles: Sequence[float] = ()

    def __init__(self, items: Iterable[Item]) -> None:
        self.there = {each.digest: each for each in items}
        self.on = {tag: each.digest for each in self.there.values() for tag in each.tags}
        self._lock = RLock()

    def take(self, also: Iterable[Digest], count: Callable[[int], None]) -> Inventory:
        raise NotImplementedError

    def tags(self) -> set[str]:
        with self._lock:
            return set(self.on)

    def behind(self, tag: str) -> Digest | None:
        return self.on.get(tag)

    def has(self, digest: Digest) -> bool:
        return digest in self.there

    def manifests(self, digests: Iterable[Digest]) -> set[Digest]:
        return set(digests) & set(self.there)

    def family(self, digest: Digest) -> set[Digest]:
        return {digest}

    def copy(self, item: Item) -> Callable[[], None]:
        def put_back() -> None:
            with self._lock:
                self.there[item.digest] = item
                self.on |= dict.fromkeys(item.tags, item.digest)

        return put_back

    def remove(self, item: Item) -> None:
        with self._lock:
            for tag in item.tags:
                self.on.pop(tag, None)
            if item.digest not in self.there:
                return
            if any(item.digest in each.children for each in self.there.values()):
                raise DogctlError("it is referred to", code=refusals.DENIED)
            self._drop(item.digest)

    def _drop(self, digest: Digest) -> None:
        gone = self.there.pop(digest, None)
        for child in gone.children if gone else ():
            self._drop(child)


class Deaf:
    """Hears nothing."""

    def started(self, step: Step) -> None: ...
    def progress(self, step: Step, message: str) -> None: ...
    def glance(self, step: Step, message: str) -> None: ...
    def finished(self, step: Step, outcome: Outcome) -> None: ...


def running() -> Run:
    step = Step("delete", lambda _: "", lambda _: None)
    return Run(step, Results(), Deaf(), Event())


@settings(max_examples=WORLDS)
@given(worlds())
def test_what_stays_is_there_afterwards_and_what_goes_is_not(world: World) -> None:
    inventory = replace(world.inventory, cascades=True)
    decided = decide(inventory, world.policy, world.in_use, NOW)
    going = [each.item for each in decided if not each.keep]
    kept = [each.item for each in decided if each.keep]
    shelf, run = Cascading(inventory.items), running()
    pace = Pace(lambda _: None)
    asked = world.in_use.digests
    swept = sweep(shelf, inventory, asked, going, lambda: world.in_use, pace, run)
    assert (swept.failed, swept.dropped) == ({}, {})
    verify(shelf, swept, kept, run)
    assert set(shelf.there) == {each.digest for each in kept}
    assert shelf.tags() == {tag for each in kept for tag in each.tags}


def test_what_is_remembered_is_what_was_read(tmp_path: Path) -> None:
    one, other = hashed(b"{}"), hashed(b"[]")
    remembered = Remembered(tmp_path / "new")
    assert remembered.get(one) is None
    remembered.keep(())
    remembered.put(one, b"{}")
    remembered.put(other, b"[]")
    assert (remembered.get(one), remembered.get(other)) == (b"{}", b"[]")
    (tmp_path / "new" / one.hex).write_bytes(b"another")
    assert remembered.get(one) is None
    remembered.keep({one})
    assert remembered.get(other) is None
    # A disk that does not take it costs a pull, and no more.
    blocked = Remembered(tmp_path / "new" / one.hex)
    blocked.put(one, b"{}")
    assert blocked.get(one) is None
