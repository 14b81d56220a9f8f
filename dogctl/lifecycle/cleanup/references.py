"""Which images of a repository a text names.

Whatever looks like one counts: a comment that names an image keeps it, and an image that is named
in a way that nobody thought of is not lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dogctl.image import DOCKER_HUB, Digest, ImageRef
from dogctl.lifecycle.cleanup.retention import InUse

LATEST = "latest"  # what a name without a tag means
_DIGEST = re.compile(rb"sha256:([0-9a-f]{64})")


@dataclass
class References:
    """What was found so far of one repository, with the first place of each.

    Args:
        repository: without tag and digest.
    """

    repository: ImageRef
    digests: dict[Digest, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    _tag: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Docker Hub has several names, which all end in the same way.
        name = self.repository.name.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")
        tag = rb"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
        self._tag = re.compile(re.escape(name.encode()) + rb"(?::(" + tag + rb"))?(?![\w/])")

    def see(self, text: bytes, where: str) -> bool:
        """Take what the text names; whether that is anything of the repository.

        A digest counts whatever the name beside it: the same image may be called otherwise.
        """
        for match in _DIGEST.finditer(text):
            self.digests.setdefault(Digest("sha256", match[1].decode()), where)
        named = False
        for match in self._tag.finditer(text):
            named = True
            # With a digest only that counts; a tag too many does no harm.
            self.tags.setdefault((match[1] or LATEST.encode()).decode(), where)
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
