"""A repository at Docker Hub, which has two APIs: its own, and that of any registry.

The registry says what is there and what belongs together. Docker Hub says when it came, what has
no tag, and deletes tags; a manifest goes through the registry, and only if nothing is on it.
https://docs.docker.com/reference/api/registry/latest/operations/DeleteImageManifest/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import count as counted
from threading import Lock
from typing import TypeVar

from dogctl.errors import DogctlError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup.pace import Sleep
from dogctl.lifecycle.cleanup.remembered import Remembered
from dogctl.lifecycle.cleanup.shelves import OciShelf
from dogctl.registries import refusals
from dogctl.registries.dockerhub import DockerHub
from dogctl.registries.dockerhub_answers import HubManifest, HubTag
from dogctl.registries.inventory import Inventory, Item, Told
from dogctl.registries.oci import OciRegistry, parsed
from dogctl.registries.survey import WORKERS, Body, survey

Found = TypeVar("Found")
GOES_ON = "what was read is remembered, and counts as no pull again"
NO_UNTAGGED = "Docker Hub does not say which images have no tag, so those of them stay"


class HubShelf(OciShelf):
    """A repository at Docker Hub.

    Args:
        remembered: the manifests that were read so far.
        pause: waits some seconds, and may raise to give up.
    """

    # "Manifest deletion operations may take some time."
    settles: Sequence[float] = (1.0, 2.0, 4.0)

    def __init__(
        self,
        hub: DockerHub,
        registry: OciRegistry,
        ref: ImageRef,
        remembered: Remembered,
        pause: Sleep,
    ) -> None:
        super().__init__(registry, ref)
        self._hub = hub
        self._remembered = remembered
        self._sparing = _Sparing(registry, remembered)
        self._manifest = self._sparing.manifest
        self._pause = pause

    def take(self, also: Iterable[Digest], count: Callable[[int], None]) -> Inventory:
        tell = partial(self._tell, count)
        found = survey(self._sparing, self._ref, also, count, tell)
        self._remembered.keep({each.digest for each in found.items})
        return found

    def remove(self, item: Item) -> None:
        for tag in item.tags:
            self._hub.delete_tag(self._ref, tag)
        for seconds in (*self.settles, None):
            try:
                self._registry.delete(self._ref, item.digest)
            except DogctlError as error:
                # Refused while something refers to it; shortly after that it may still seem so.
                if error.code != refusals.DENIED:
                    raise
                if seconds is None:
                    raise self._still_there(item) or error from None
                self._pause(seconds)
            else:
                return

    def _still_there(self, item: Item) -> DogctlError | None:
        left = [tag for tag in item.tags if self.behind(tag) == item.digest]
        if not left:
            return None
        says = f"Docker Hub says that it has deleted {', '.join(left)}, and still has it"
        return DogctlError(says, code="not-deleted", where=self._ref.name)

    def _tell(self, count: Callable[[int], None], listed: Sequence[str]) -> Told:
        """What Docker Hub tells of a repository with these tags. Raises DogctlError."""
        tags = {each.name: each for each in self._hub.tags(self._ref)}
        manifests = self._hub.manifests(self._ref)
        immutable = self._hub.immutable(self._ref)
        asked = counted(1)

        def one(name: str) -> HubTag | None:
            count(next(asked))
            return self._hub.tag(self._ref, name)

        # Its listing ends after 1,000 tags; each of the rest is asked for.
        rest = sorted(set(listed).difference(tags))
        tags |= {name: found for name, found in _each(one, rest) if found}
        named = {*tags, *(tag for each in manifests or () for tag in each.tags)}
        others = sorted(named.difference(listed))
        # What was deleted just now may be in a listing for some minutes.
        unlisted = [name for name, digest in _each(self.behind, others) if digest]
        return Told(
            times(tags, manifests or ()),
            unlisted,
            {each.digest for each in manifests or ()},
            {each for each in (*listed, *unlisted) if immutable(each)},
            tuple(
                f"Docker Hub has the tag {each}, and its registry lists none" for each in unlisted
            ),
            cascades=True,
            notes=() if manifests is not None else (NO_UNTAGGED,),
        )


class _Sparing:
    """The registry, with each manifest read once: at Docker Hub that counts as a pull.

    To ask whether it is there does not. https://docs.docker.com/docker-hub/usage/pulls/
    """

    def __init__(self, registry: OciRegistry, remembered: Remembered) -> None:
        self._registry = registry
        self._remembered = remembered
        self._locking = Lock()
        self._locks: defaultdict[Digest, Lock] = defaultdict(Lock)
        self.pages = registry.pages
        self.blob = registry.blob
        self.may_be_manifest = registry.may_be_manifest
        self.referrers = registry.referrers

    def manifest(self, ref: ImageRef) -> tuple[Digest, Body] | None:
        digest = self._registry.resolve(ref)
        if digest is None:
            return None
        with self._locking:
            reading = self._locks[digest]
        with reading:  # many tags may be on it, which are read at the same time
            content = self._remembered.get(digest) or self._pulled(ref, digest)
        return (digest, parsed(ref, content)) if content else None

    def _pulled(self, ref: ImageRef, digest: Digest) -> bytes | None:
        try:
            found = self._registry.content(ref.pinned(digest))
        except DogctlError as error:
            if error.code == refusals.RATE_LIMIT:
                error.hint = f"{error.hint or 'try again in some hours'}: {GOES_ON}"
            raise
        if found is None:
            return None
        self._remembered.put(digest, found[1])
        return found[1]


def _each(work: Callable[[str], Found], names: Sequence[str]) -> list[tuple[str, Found]]:
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="hub") as pool:
        return list(zip(names, pool.map(work, names), strict=True))


def times(
    tags: Mapping[str, HubTag], manifests: Collection[HubManifest]
) -> Callable[[Digest, Collection[str]], datetime | None]:
    """When a digest came, by the latest that is told; None if anything of it is not known.

    A tag that Docker Hub has on something else has moved meanwhile, nobody knows when. Of old tags
    it does not tell the digest; then the manifest has to be listed with the tag.
    """
    stated = {each.digest: each.pushed for each in manifests}
    listed = {tag: each.digest for each in manifests for tag in each.tags}

    def came(tag: str, digest: Digest) -> datetime | None:
        found = tags.get(tag)
        is_there = found is not None and (found.digest or listed.get(tag)) == digest
        return found.pushed if found and is_there else None

    def pushed(digest: Digest, on: Collection[str]) -> datetime | None:
        tagged = [came(tag, digest) for tag in on]
        known = [time for time in (*tagged, stated.get(digest)) if time is not None]
        return max(known) if known and None not in tagged else None

    return pushed
