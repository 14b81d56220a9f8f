"""Signatures and attestations, which go before what they belong to, and come back if that stays.

In the other order a run that is killed would leave some that nobody finds, or dares to delete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dogctl.lifecycle.cleanup.shelves import Shelf
from dogctl.registries.inventory import Item, Kind


class Spared:
    """Copies of those that go with one image."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._copies: dict[Item, Callable[[], None]] = {}

    def keep(self, item: Item) -> None:
        """Copy it, if it belongs to another one. Raises DogctlError."""
        if item.kind is Kind.REFERRER and item not in self._copies:
            self._copies[item] = self._shelf.copy(item)

    def put_back(self, gone: Sequence[Item], staying: Sequence[Item]) -> tuple[Item, ...]:
        """Put back what belongs to what stays: answers what was. Raises DogctlError."""
        digests = {each.digest for each in staying}
        back = []
        for item in reversed(gone):  # what belongs to a signature went before that
            if item in self._copies and not digests.isdisjoint(item.subjects):
                self._copies[item]()
                digests.add(item.digest)
                back.append(item)
        return tuple(back)
