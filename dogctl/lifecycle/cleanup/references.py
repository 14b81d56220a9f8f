"""Which images of a repository a text names.

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
    """What was found so far of one repository, with the first place of each.

    Args:
        repository: without tag and digest.
    """

    repository: ImageRef
    digests: dict[Digest, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    _tags: tuple[re.Pattern[bytes], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
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

    def add(self, other: References) -> None:
        """Take what was found elsewhere."""
        for digest, where in other.digests.items():
            self.digests.setdefault(digest, where)
        for tag, where in other.tags.items():
            self.tags.setdefault(tag, where)

    def in_use(self) -> InUse:
        return InUse(self.digests, self.tags)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _mappings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _mappings(each)
