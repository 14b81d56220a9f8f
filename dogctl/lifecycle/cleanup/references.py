"""Which images of a repository a text names, and which versions of a chart a release does.

Whatever looks like one counts: a comment that names an image keeps it, and an image that is named
in a way that nobody thought of is not lost.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dogctl.image import DOCKER_HUB, Digest, ImageRef
from dogctl.lifecycle.cleanup.retention import InUse

LATEST = "latest"  # what a name without a tag means
_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_TAG = rb"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"


@dataclass
class References:
    """What was found so far of one repository and one chart, with the first place of each.

    Args:
        repository: without tag and digest; None if there is none.
        chart: its name; None if there is none.
        versions: of the chart, or ranges of them.
        gaps: what speaks against that being all, a line each.
    """

    repository: ImageRef | None
    chart: str | None = None
    digests: dict[Digest, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    _tags: tuple[re.Pattern[bytes], ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        if self.repository is None:
            return
        # Docker Hub has several names, which all end in the same way.
        name = self.repository.name.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")
        own = re.escape(name.encode()) + rb"(?::(" + _TAG + rb"))?(?![\w/])"
        # A mirror, and another name of the same registry, have the end of it.
        end = re.escape(b"/" + self.repository.repository.rpartition("/")[2].encode())
        self._tags = (re.compile(own), re.compile(end + rb":(" + _TAG + rb")(?![\w/])"))

    def see(self, text: bytes, where: str) -> bool:
        """Take what the text names; whether that is anything of the repository.

        A digest counts whatever the name beside it: the same image may be called otherwise. A tag
        counts beside any name that ends like that of the repository.
        """
        if self.repository is None:
            return False
        for match in _DIGEST.finditer(text):
            self.digests.setdefault(Digest.parse(match[0].decode()), where)
        named = False
        for match in itertools.chain.from_iterable(each.finditer(text) for each in self._tags):
            named = True
            # With a digest only that counts; a tag too many does no harm.
            tag = (match[1] or LATEST.encode()).decode()
            # What ends a sentence is part of no tag, or may be.
            for each in (tag, tag.rstrip(".-")):
                self.tags.setdefault(each, where)
        return named

    def see_values(self, values: Any, where: str) -> None:
        """Take what is named in parts, as charts have it: `repository`, and `tag` beside it."""
        for each in _mappings(values):
            repository, tag = each.get("repository"), each.get("tag")
            if isinstance(repository, str) and tag:
                registry = f"{each['registry']}/" if each.get("registry") else ""
                self.see(f"{registry}{repository}:{tag}".encode(), where)

    def see_chart(self, chart: Mapping[str, Any], where: str) -> None:
        """Take the version of a release's own chart, and of those that it is made of."""
        metadata = chart.get("metadata") or {}
        lock = chart.get("lock") or {}
        parts = lock.get("dependencies") or metadata.get("dependencies") or ()
        for each in (metadata, *parts):
            if self.chart is not None and each.get("name") == self.chart:
                self.versions.setdefault(str(each.get("version") or ""), where)

    def may_name(self, text: bytes) -> bool:
        """Whether a document may name any of it in parts, so that it has to be parsed."""
        # The end of the image's name, which values have also where the registry stands apart.
        parts = self.repository.repository.rpartition("/")[2:] if self.repository else ()
        names = (*parts, *((f'"{self.chart}"',) if self.chart else ()))
        return any(each.encode() in text for each in names)

    def add(self, other: References) -> None:
        """Take what was found elsewhere."""
        for digest, where in other.digests.items():
            self.digests.setdefault(digest, where)
        for tag, where in other.tags.items():
            self.tags.setdefault(tag, where)
        for version, where in other.versions.items():
            self.versions.setdefault(version, where)
        self.gaps += (each for each in other.gaps if each not in self.gaps)

    def empty(self) -> References:
        """The same with nothing found yet."""
        return References(self.repository, self.chart)

    def in_use(self) -> InUse:
        return InUse(self.digests, self.tags, tuple(self.gaps))


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _mappings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _mappings(each)
