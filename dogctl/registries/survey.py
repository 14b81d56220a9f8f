"""Everything that is in a repository of an OCI registry, and what proves that it is everything.

Such a registry lists tags only: what has none is found from what names it.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from dogctl.image import Digest, ImageRef
from dogctl.registries.inventory import (
    CHART,
    CREATED,
    Inventory,
    Item,
    Kind,
    Told,
    subject_of,
    time_of,
)

WORKERS = 8

Body = Mapping[str, Any]
Count = Callable[[int], None]
Given = TypeVar("Given")
Found = TypeVar("Found")


class Readable(Protocol):
    """What is asked of a registry: see OciRegistry."""

    def pages(self, ref: ImageRef) -> Iterator[Body]: ...
    def manifest(self, ref: ImageRef) -> tuple[Digest, Body] | None: ...
    def blob(self, ref: ImageRef, digest: Digest) -> bytes | None: ...
    def may_be_manifest(self, ref: ImageRef, digest: Digest) -> bool: ...
    def referrers(self, ref: ImageRef, digest: Digest) -> tuple[Digest, ...] | None: ...


def survey(
    registry: Readable,
    ref: ImageRef,
    also: Iterable[Digest] = (),
    count: Count = lambda _: None,
    tell: Callable[[Sequence[str]], Told | None] = lambda _: None,
) -> Inventory:
    """What is in the repository of `ref`.

    Args:
        also: digests that may be there without any tag, such as those that run.
        count: hears how many manifests were read; may raise to give up.
        tell: asks what else is told of the tags that were listed.

    Raises DogctlError if anything of it cannot be read.
    """
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="survey") as pool:

        def each(work: Callable[[Given], Found], of: Iterable[Given]) -> list[Found]:
            return list(pool.map(work, of))

        return _Survey(registry, ref, each, count).take(also, tell)


class _Survey:
    def __init__(self, registry: Readable, ref: ImageRef, each: Any, count: Count) -> None:
        self._registry = registry
        self._ref = ref
        self._each = each
        self._count = count
        self._knows_referrers = True
        self._reads = 0
        self._bodies: dict[Digest, Body] = {}
        self._tags: dict[Digest, set[str]] = defaultdict(set)
        self._uploaded: dict[Digest, datetime] = {}

    def take(
        self, also: Iterable[Digest], tell: Callable[[Sequence[str]], Told | None]
    ) -> Inventory:
        listed = self._list()
        told = tell(listed)
        tags = sorted({*listed, *told.tags}) if told else listed
        # Tags first: one that moves away while it is read is then noticed by the second listing.
        for tag, found in zip(tags, self._each(self._behind, tags), strict=True):
            if found is not None:
                self._bodies[found[0]] = found[1]
                self._tags[found[0]].add(tag)
        known: set[Digest] = set()
        untagged = told.manifests if told else ()
        self._follow({*self._uploaded, *self._bodies, *untagged}, known)
        self._follow(self._manifests(also), known)
        gaps = tuple(self._gaps(listed))
        times = self._times_told(told) if told else self._times()
        items = tuple(self._item(each, times) for each in sorted(self._bodies))
        if told is None:
            return Inventory(items, gaps)
        fixed = set(told.immutable)
        marked = tuple(replace(i, immutable=not fixed.isdisjoint(i.tags)) for i in items)
        return Inventory(marked, (*told.gaps, *gaps), told.cascades, told.notes)

    def _gaps(self, before: list[str]) -> Iterator[str]:
        now = self._list()
        if now != before:
            yield "its tags changed while they were read"
        read = {tag for tags in self._tags.values() for tag in tags}
        # Such as an image of a kind that was not asked for: nobody knows what is part of it.
        for tag in sorted({*now} & {*before} - read):
            yield f"the tag {tag} is listed, and there is nothing to read behind it"

    def _follow(self, waiting: set[Digest], known: set[Digest]) -> None:
        """Read these, and all that belongs to them."""
        while waiting := waiting - known:
            self._read(waiting)
            known |= waiting
            waiting = self._named(waiting & set(self._bodies))

    def _manifests(self, digests: Iterable[Digest]) -> set[Digest]:
        """Those that may be manifests. Asked for a blob as if it were one, registries may fail."""
        parts = {part for body in self._bodies.values() for part in _parts(body)}
        asked = sorted(set(digests) - parts)
        may_be = self._each(lambda each: self._registry.may_be_manifest(self._ref, each), asked)
        return {digest for digest, may in zip(asked, may_be, strict=True) if may}

    def _list(self) -> list[str]:
        found: set[str] = set()
        for page in self._registry.pages(self._ref):
            found |= set(page.get("tags") or ())
            self._learn(page.get("manifest") or {})
        return sorted(found)

    def _learn(self, described: Mapping[str, Body]) -> None:
        """What Google adds to a listing: all manifests, and when they came.

        https://cloud.google.com/artifact-registry/docs/reference/docker-api
        """
        for name, told in described.items():
            milliseconds = int(told.get("timeUploadedMs") or 0)
            self._uploaded[Digest.parse(name)] = datetime.fromtimestamp(milliseconds / 1000, UTC)

    def _behind(self, tag: str) -> tuple[Digest, Body] | None:
        return self._manifest(self._ref.tagged(tag))

    def _manifest(self, ref: ImageRef) -> tuple[Digest, Body] | None:
        found = self._registry.manifest(ref)
        self._reads += 1  # of several threads: a number to look at
        self._count(self._reads)
        return found

    def _read(self, wanted: Iterable[Digest]) -> None:
        missing = sorted(set(wanted) - set(self._bodies))
        refs = [self._ref.pinned(each) for each in missing]
        for digest, found in zip(missing, self._each(self._manifest, refs), strict=True):
            if found is not None:
                self._bodies[digest] = found[1]

    def _named(self, digests: Iterable[Digest]) -> set[Digest]:
        """What belongs to these: children, subjects, and what refers to them."""
        ordered = sorted(digests)
        named = {other for each in ordered for other in manifests_in(self._bodies[each])}
        named |= {s for each in ordered if (s := _subject(self._bodies[each]))}
        return named | {other for some in self._each(self._referrers, ordered) for other in some}

    def _referrers(self, digest: Digest) -> tuple[Digest, ...]:
        if not self._knows_referrers:
            return ()
        found = self._registry.referrers(self._ref, digest)
        self._knows_referrers = found is not None
        return found or ()

    def _times(self) -> dict[Digest, datetime]:
        """When each came, as far as that is known: an image's creation, if nothing better.

        A manifest came before the index that names it, and no index before its last manifest.
        """
        if self._uploaded:
            return self._uploaded
        digests = sorted(self._bodies)
        stated = zip(digests, self._each(self._created, digests), strict=True)
        times = {digest: time for digest, time in stated if time is not None}
        for digest in digests:
            children = _children(self._bodies[digest])
            parts = [times[child] for child in children if child in times]
            if digest not in times and parts:
                times[digest] = max(parts)
        for digest in digests:
            for child in _children(self._bodies[digest]):
                if child in self._bodies and digest in times:
                    times.setdefault(child, times[digest])
        return times

    def _times_told(self, told: Told) -> dict[Digest, datetime]:
        pushed = {each: told.pushed(each, self._tags.get(each, ())) for each in self._bodies}
        times = {digest: time for digest, time in pushed.items() if time is not None}
        came: dict[Digest, datetime] = {}
        for digest, body in self._bodies.items():
            for child in _children(body) if digest in times else ():
                came[child] = max(times[digest], came.get(child, times[digest]))
        return {each: time for each, time in came.items() if not self._tags.get(each)} | times

    def _created(self, digest: Digest) -> datetime | None:
        body = self._bodies[digest]
        stated = (body.get("annotations") or {}).get(CREATED)
        config = body.get("config") or {}
        if stated is None and "image" in str(config.get("mediaType", "image")):
            content = (
                self._registry.blob(self._ref, Digest.parse(config["digest"])) if config else b""
            )
            stated = _created_in(content or b"")
        return time_of(stated)

    def _item(self, digest: Digest, times: Mapping[Digest, datetime]) -> Item:
        body, tags = self._bodies[digest], tuple(sorted(self._tags[digest]))
        item = Item(
            digest,
            _kind(body),
            tags,
            times.get(digest),
            _size(body),
            _children(body),
            config=next(iter(_parts(body)), None) if body.get("config") else None,
        )
        if subject := _subject(body) or _subject_of(item):
            return replace(item, kind=Kind.REFERRER, subject=subject)
        return item


def _kind(body: Body) -> Kind:
    if "manifests" in body:
        return Kind.INDEX
    return Kind.CHART if (body.get("config") or {}).get("mediaType") == CHART else Kind.IMAGE


def manifests_in(body: Body) -> tuple[Digest, ...]:
    """The manifests of an index. That of a build cache names layers, which are none.

    https://github.com/moby/buildkit#registry-push-image-and-cache-separately
    """
    described = body.get("manifests") or ()
    kinds = ((each, each.get("mediaType") or "manifest") for each in described)
    return tuple(
        Digest.parse(each["digest"]) for each, kind in kinds if re.search("manifest|index", kind)
    )


def _children(body: Body) -> tuple[Digest, ...]:
    return tuple(Digest.parse(each["digest"]) for each in body.get("manifests") or ())


def _subject(body: Body) -> Digest | None:
    subject = body.get("subject")
    return Digest.parse(subject["digest"]) if subject else None


def _subject_of(item: Item) -> Digest | None:
    """What its tags say that it belongs to, if each of them says so.

    Somebody may have tagged an image with its own digest: that is an image.
    """
    named = [subject_of(tag, of_list=item.kind is Kind.INDEX) for tag in item.tags]
    return None if item.digest in named or None in named else next(iter(named), None)


def _described(body: Body) -> list[Body]:
    """Its blobs, the configuration first."""
    return [*filter(None, (body.get("config"),)), *(body.get("layers") or ())]


def _parts(body: Body) -> list[Digest]:
    return [Digest.parse(each["digest"]) for each in _described(body)]


def _size(body: Body) -> int:
    return sum(int(each.get("size", 0)) for each in _described(body))


def _created_in(content: bytes) -> str | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    created = found.get("created") if isinstance(found, dict) else None
    return created if isinstance(created, str) else None
