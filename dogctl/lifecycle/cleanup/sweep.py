"""Deleting what was decided, and nothing that has changed since."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from dogctl.errors import DogctlError
from dogctl.image import Digest
from dogctl.lifecycle.cleanup.order import units
from dogctl.lifecycle.cleanup.pace import LONGEST, MOST, Pace
from dogctl.lifecycle.cleanup.retention import InUse
from dogctl.lifecycle.cleanup.shelves import Shelf
from dogctl.lifecycle.cleanup.spared import Spared
from dogctl.plan import Run
from dogctl.registries import refusals
from dogctl.registries.inventory import Inventory, Item

# How long a look at what is in use is good for.
WAVE_SECONDS = 300.0
TRIES = 4
# A registry that refuses so many, and does none, refuses all.
HOPELESS = 8
# How wide the bar is, and how often a line tells the same where nobody looks.
BAR = 20
LINE_SECONDS = 30.0
MOVED = "a tag of it has moved"
IMMUTABLE = "its tag is immutable"
BELONGS = "what it belongs to could not be deleted"

Unit = tuple[Item, ...]


@dataclass
class Swept:
    """What was done.

    Args:
        deleted: what is gone, or was gone already.
        dropped: what has changed since, and stays, with the reason.
        failed: what the registry did not delete.
    """

    deleted: list[Item] = field(default_factory=list)
    dropped: dict[Digest, str] = field(default_factory=dict)
    failed: dict[Item, DogctlError] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def settled(self) -> int:
        """Of how many it is known what became of them."""
        return len(self.deleted) + len(self.dropped) + len(self.failed)

    def note_deleted(self, item: Item) -> None:
        with self._lock:
            self.deleted.append(item)

    def drop(self, items: Iterable[Item], why: str) -> None:
        with self._lock:
            self.dropped.update((each.digest, why) for each in items)

    def bring_back(self, items: Collection[Item]) -> None:
        """What was deleted, and is there again."""
        with self._lock:
            self.deleted = [each for each in self.deleted if each not in items]
            self.dropped.update((each.digest, BELONGS) for each in items)

    def fail(self, item: Item, error: DogctlError) -> None:
        """Note it; raises the error if the next one would fail as well."""
        with self._lock:
            self.failed[item] = error
            none = len(self.failed) >= HOPELESS and not self.deleted
            if none or error.code == refusals.NO_DELETE or _wait(error) > LONGEST:
                error.data = {**(error.data or {}), "deleted": len(self.deleted)}
                raise error


def sweep(
    shelf: Shelf,
    inventory: Inventory,
    asked: Iterable[Digest],
    going: Sequence[Item],
    in_use: Callable[[], InUse],
    pace: Pace,
    step: Run,
) -> Swept:
    """Delete in waves; before each of them it is asked again what is in use and where tags are.

    Args:
        inventory: all that was found when it was decided what is `going`.
        asked: digests in use that were looked for then.
        in_use: looks what is in use now.

    Raises DogctlError if that cannot be told, or nothing can be deleted at all; and Cancelled.
    """
    swept = Swept()
    waiting = list(units(going))
    known = {*asked, *(each.digest for each in inventory.items)}
    meter = _Meter(len(going), step)
    while waiting:
        began = monotonic()
        used = in_use()
        waiting = list(_unchanged(waiting, shelf, inventory, known, used, swept))
        known |= set(used.digests)
        # A registry that is slow to look at would else be looked at for most of the time.
        until = monotonic() + max(WAVE_SECONDS, monotonic() - began)

        def work(unit: Unit, until: float = until) -> bool:
            if monotonic() > until or step.stop.is_set():
                return False
            _remove(unit, shelf, pace, swept)
            meter.show(swept)
            return True

        with ThreadPoolExecutor(MOST, thread_name_prefix="sweep") as pool:
            done = list(pool.map(work, waiting))
        step.check()
        waiting = [unit for unit, is_done in zip(waiting, done, strict=True) if not is_done]
    return swept


def _unchanged(
    waiting: Sequence[Unit],
    shelf: Shelf,
    inventory: Inventory,
    known: Collection[Digest],
    in_use: InUse,
    swept: Swept,
) -> Iterator[Unit]:
    """The units of which nothing has come into use, or into what has got a tag since."""
    before = {tag: each.digest for each in inventory.items for tag in each.tags}
    # What was pushed meanwhile may have a part in common with what goes, under a tag that goes too.
    tags = sorted(shelf.tags())
    with ThreadPoolExecutor(MOST, thread_name_prefix="look") as pool:
        now = dict(zip(tags, pool.map(shelf.behind, tags), strict=True))
    moved = {tag: digest for tag, digest in now.items() if digest not in (None, before.get(tag))}
    named: set[Digest] = set()
    for digest in {*filter(None, moved.values())}:
        named |= shelf.family(digest)
    for digest in shelf.manifests(set(in_use.digests).difference(known)):
        named |= shelf.family(digest)
    for unit in waiting:
        used = next((where for item in unit if (where := in_use.where(item))), None)
        if used:
            swept.drop(unit, f"came into use: {used}")
        elif named & _names(unit, cascades=inventory.cascades):
            swept.drop(unit, "is part of something new")
        elif any(tag in moved for item in unit for tag in item.tags):
            swept.drop(unit, MOVED)
        else:
            yield unit


def _names(unit: Unit, *, cascades: bool) -> set[Digest]:
    """What goes with a unit: a part that was missing so far may be there now."""
    children = {child for each in unit for child in each.children} if cascades else set()
    return {each.digest for each in unit} | children


def _remove(unit: Unit, shelf: Shelf, pace: Pace, swept: Swept) -> None:
    """All of a unit in its order; what cannot be deleted keeps what comes after it."""
    spared, gone = Spared(shelf), 0
    try:
        for item in unit:
            # A tag that has moved already is seen before anything of it goes.
            asked = unit if not gone else (item,)
            if not _remove_one(item, asked, unit[gone:], shelf, spared, pace, swept):
                return
            swept.note_deleted(item)
            gone += 1
    finally:
        swept.bring_back(spared.put_back(unit[:gone], unit[gone:]))


def _remove_one(
    item: Item,
    asked: Unit,
    left: Unit,
    shelf: Shelf,
    spared: Spared,
    pace: Pace,
    swept: Swept,
) -> bool:
    """Whether the first of what is left is gone, unless a tag of those that are asked has moved."""
    for tries in reversed(range(TRIES)):
        try:
            with pace.turn():
                if any(_has_moved(each, shelf) for each in asked):
                    swept.drop(left, MOVED)
                    return False
                spared.keep(item)
                shelf.remove(item)
                return True
        except DogctlError as error:
            if error.code in refusals.PASSING and tries and _wait(error) <= LONGEST:
                pace.pause(_wait(error) or 1.0)
                continue
            if error.code == refusals.TAG_IMMUTABLE:
                swept.drop(left, IMMUTABLE)
                return False
            swept.drop(left[1:], BELONGS)
            swept.fail(item, error)
            return False
    raise AssertionError("unreachable")


def _has_moved(item: Item, shelf: Shelf) -> bool:
    return any(shelf.behind(tag) not in (None, item.digest) for tag in item.tags)


def _wait(error: DogctlError) -> float:
    """The seconds for which the registry wants to be left alone, 0 if it has not said so."""
    return float((error.data or {}).get("retry_after_seconds") or 0.0)


class _Meter:
    """Progress, with the rate and the time left: a bar to look at, and a line now and then."""

    def __init__(self, total: int, step: Run) -> None:
        self._total = total
        self._step = step
        self._began = self._told = monotonic()

    def show(self, swept: Swept) -> None:
        now = monotonic()
        settled = swept.settled
        rate = settled / max(now - self._began, 0.001)
        left = (self._total - settled) / rate if rate else 0.0
        says = f"{settled} of {self._total}, {rate:.1f} a second, {left:.0f} s left"
        full = BAR * settled // self._total
        self._step.glance(f"{'━' * full}{'─' * (BAR - full)} {says}")
        if now - self._told > LINE_SECONDS:
            self._told = now
            self._step.progress(says)


def verify(
    shelf: Shelf, swept: Swept, kept: Sequence[Item], step: Run, what: str = "images"
) -> None:
    """Ask the registry whether what was deleted is gone, and everything else is there with its tags.

    Raises DogctlError: not all was deleted, or something is missing.
    """
    tags = shelf.tags()
    with ThreadPoolExecutor(MOST, thread_name_prefix="verify") as pool:
        missing = [
            item
            for item, is_there in _asked(pool, shelf, kept)
            if not is_there or not tags.issuperset(item.tags)
        ]
        # A registry may have done it after all, or do it in the background.
        for item, is_there in _asked(pool, shelf, list(swept.failed)):
            if not is_there:
                del swept.failed[item]
                swept.note_deleted(item)
        left = [item for item, is_there in _asked(pool, shelf, swept.deleted) if is_there]
        for seconds in shelf.settles if left else ():
            step.sleep(seconds)
            left = [item for item, is_there in _asked(pool, shelf, left) if is_there]
    step.check()
    require_done(swept, missing, left, what)


def require_done(
    swept: Swept, missing: Sequence[Item], left: Sequence[Item], what: str = "items"
) -> None:
    """Raise DogctlError if something is missing that was to stay, or is left that was to go."""
    if missing:
        raise DogctlError(
            f"{len(missing)} {what} that were to stay are not there any more, or lack a tag",
            code="kept-is-gone",
            where=missing[0].title,
            hint="see who else deletes there, and push them again",
            detail=tuple(each.title for each in missing),
        )
    failed = sorted(swept.failed.items(), key=lambda each: each[0].digest)
    failures = [f"{item.title}: {error.message}" for item, error in failed]
    failures += [f"{each.title}: said to be deleted, and is still there" for each in left]
    if failures:
        raise DogctlError(
            f"{len(failures)} of {len(swept.deleted) + len(swept.failed)} could not be deleted",
            code="not-deleted",
            hint="run the command again; the registry's owner knows what is protected there",
            detail=tuple(failures),
            data={"deleted": len(swept.deleted) - len(left)},
        )


def _asked(
    pool: ThreadPoolExecutor, shelf: Shelf, items: Sequence[Item]
) -> Iterator[tuple[Item, bool]]:
    return zip(items, pool.map(lambda each: shelf.has(each.digest), items), strict=True)
