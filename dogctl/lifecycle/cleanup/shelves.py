"""The repository that is cleaned up, of whichever registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from dogctl.image import Digest, ImageRef
from dogctl.registries.hosts import is_google
from dogctl.registries.inventory import Inventory, Item
from dogctl.registries.oci import OciRegistry
from dogctl.registries.survey import manifests_in, survey


class Shelf(Protocol):
    """One repository. Every method may be called from several threads and raises DogctlError.

    `settles` are the seconds, one wait after another, within which what was deleted is gone.
    """

    settles: Sequence[float]

    def take(self, also: Iterable[Digest], count: Callable[[int], None]) -> Inventory:
        """All that is there; `also` may be there without a tag."""
        ...

    def tags(self) -> set[str]:
        """All tags."""
        ...

    def behind(self, tag: str) -> Digest | None:
        """What a tag is on; None if there is no such tag."""
        ...

    def has(self, digest: Digest) -> bool:
        """Whether a manifest is there."""
        ...

    def manifests(self, digests: Iterable[Digest]) -> set[Digest]:
        """Those of them that may be manifests there."""
        ...

    def family(self, digest: Digest) -> set[Digest]:
        """A manifest and all that it names."""
        ...

    def copy(self, item: Item) -> Callable[[], None]:
        """Read a manifest: what is answered puts it back under its tags."""
        ...

    def remove(self, item: Item) -> None:
        """Remove a manifest with its tags; well done too if it is not there."""
        ...


class OciShelf:
    """A repository of any registry of the OCI's, and of Google's."""

    settles: Sequence[float] = ()

    def __init__(self, registry: OciRegistry, ref: ImageRef) -> None:
        self._registry = registry
        self._ref = ref
        self._manifest = registry.manifest

    def take(self, also: Iterable[Digest], count: Callable[[int], None]) -> Inventory:
        return survey(self._registry, self._ref, also, count)

    def tags(self) -> set[str]:
        return set(self._registry.tags(self._ref))

    def behind(self, tag: str) -> Digest | None:
        return self._registry.resolve(self._ref.tagged(tag))

    def has(self, digest: Digest) -> bool:
        return self._registry.resolve(self._ref.pinned(digest)) is not None

    def manifests(self, digests: Iterable[Digest]) -> set[Digest]:
        return {each for each in digests if self._registry.may_be_manifest(self._ref, each)}

    def family(self, digest: Digest) -> set[Digest]:
        found: set[Digest] = set()
        waiting = [digest]
        while waiting:
            each = waiting.pop()
            if each in found:
                continue
            found.add(each)
            named = self._manifest(self._ref.pinned(each))
            waiting += manifests_in(named[1]) if named else ()
        return found

    def copy(self, item: Item) -> Callable[[], None]:
        found = self._registry.content(self._ref.pinned(item.digest))

        def put() -> None:
            if found is None:
                return
            # Whoever has taken one of its tags meanwhile has it.
            names = [tag for tag in item.tags if self.behind(tag) is None]
            for name in (str(item.digest), *names):
                self._registry.put(self._ref, name, found[1])

        return put

    def remove(self, item: Item) -> None:
        # Google deletes nothing that has a tag: GOOGLE_MANIFEST_DANGLING_TAG.
        for tag in item.tags if is_google(self._ref.registry) else ():
            self._registry.delete(self._ref, tag)
        self._registry.delete(self._ref, item.digest)
