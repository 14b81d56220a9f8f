"""A repository in a bucket: the archive goes first, and only if there is none; then the index.

The index is written only if it is still the one that was read. Whoever is late reads it again and
makes the edit again on top of that, so nobody's version is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dogctl.chartrepos import index
from dogctl.chartrepos.base import (
    INDEX,
    Archive,
    Listing,
    Package,
    Pause,
    adopted,
    archive_key,
    checked,
    file_name,
    is_published,
    moment,
    only,
    tries,
)
from dogctl.chartrepos.index import Entry

YAML, ARCHIVE, TEXT = "text/yaml", "application/gzip", "text/plain"
# How long may be shown what was read before: an archive never changes.
ALWAYS_FRESH, FOREVER = "no-cache", "public, max-age=31536000, immutable"


class Objects(Protocol):
    """A bucket's objects, each with a mark of what it is now. Every method raises DogctlError."""

    def read(self, key: str) -> tuple[bytes, str] | None:
        """The content and its mark; None if there is no such object."""
        ...

    def write(self, key: str, content: bytes, mark: str | None, kind: str, cache: str) -> bool:
        """Write over the object with that mark, or where there is none; else False."""
        ...

    def listing(self, prefix: str) -> Iterable[tuple[str, int, datetime]]:
        """The keys that begin so, with their bytes, and when they were written."""
        ...

    def delete(self, keys: Collection[str]) -> None:
        """Delete objects; those that are not there are gone already."""
        ...


@dataclass(frozen=True)
class BucketRepository:
    """The charts in a bucket, as in base.ChartRepository.

    Args:
        folder: where in the bucket the index is; empty for its root.
        pause: waits some seconds before the next try, and may raise to give up.
    """

    url: str
    objects: Objects
    folder: str = ""
    pause: Pause = time.sleep
    # The index says that nobody keeps it.
    cache: float = 0.0

    def listing(self, name: str | None = None) -> Listing:
        text, _ = self._index()
        return Listing(index.entries(text, name), complete=True)

    def find(self, name: str, version: str) -> Entry | None:
        return only(self.listing(name).versions, version)

    def publish(self, package: Package) -> bool:
        text, _ = self._index()
        if is_published(text, package, self._read):
            return False
        ours = self._uploaded(package)
        fresh = self._edit(
            lambda text: (
                text if is_published(text, ours, self._read) else index.add(text, ours.entry())
            )
        )
        # A cleanup may have taken one that was there already for one that nobody names.
        self._create(file_name(ours.name, ours.version), ours.archive, ARCHIVE)
        return fresh

    def pull(self, entry: Entry) -> bytes:
        return checked(entry, self._read(archive_key(entry)))

    def provenance(self, entry: Entry) -> bytes | None:
        return self._read(f"{archive_key(entry)}.prov")

    def remove(self, name: str, versions: Collection[str]) -> tuple[Entry, ...]:
        gone: dict[str, Entry] = {}

        def edit(text: str) -> str:
            # An answer may be lost, and what it was about is not there any more when asked again.
            gone.update(
                {
                    each.version: each
                    for each in index.entries(text, name)
                    if each.version in versions
                }
            )
            return index.remove(text, name, versions, moment())

        self._edit(edit)
        return tuple(gone.values())

    def archives(self, name: str) -> tuple[Archive, ...]:
        found = self.objects.listing(self._key(f"{name}-"))
        here = len(self._key(""))
        return tuple(
            Archive(key[here:], since, size) for key, size, since in found if key.endswith(".tgz")
        )

    def delete_archives(self, entries: Collection[Entry]) -> tuple[Entry, ...]:
        text, _ = self._index()
        named = {archive_key(each) for each in index.entries(text)}
        gone = tuple(each for each in entries if archive_key(each) not in named)
        keys = [self._key(archive_key(each)) for each in gone]
        self.objects.delete([f"{key}{more}" for key in keys for more in ("", ".prov")])
        return gone

    def _uploaded(self, package: Package) -> Package:
        """The package as it is in the bucket now. Raises DogctlError: another one is."""
        name = file_name(package.name, package.version)
        for _ in tries(self.url, self.pause):
            if self._create(name, package.archive, ARCHIVE):
                break
            # One who writes it at this moment has not said yet what it will be.
            if (left := self._read(name)) is not None:
                package = adopted(package, left, lambda: self._read(f"{name}.prov") is not None)
                break
        if package.provenance is not None:
            self._create(f"{name}.prov", package.provenance, TEXT)
        return package

    def _create(self, name: str, content: bytes, kind: str) -> bool:
        return self.objects.write(self._key(name), content, None, kind, FOREVER)

    def _edit(self, edit: Callable[[str], str]) -> bool:
        """Have the index be what the edit makes of it; False if that is what it was."""
        for _ in tries(self.url, self.pause):
            text, mark = self._index()
            changed = edit(text)
            if changed == text:
                return False
            if self.objects.write(self._key(INDEX), changed.encode(), mark, YAML, ALWAYS_FRESH):
                return True
        raise AssertionError("unreachable")

    def _index(self) -> tuple[str, str | None]:
        """The index and its mark; an empty one without a mark if there is none."""
        found = self.objects.read(self._key(INDEX))
        return (index.EMPTY, None) if found is None else (index.decoded(found[0]), found[1])

    def _read(self, name: str) -> bytes | None:
        found = self.objects.read(self._key(name))
        return found and found[0]

    def _key(self, name: str) -> str:
        return f"{self.folder}/{name}" if self.folder else name
