"""A repository as the files of Docker's registry have it: what its API does not tell, or not do.

https://pkg.go.dev/github.com/distribution/distribution/registry/storage#hdr-Storage_Layout
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from typing import Any

import requests

from tests.testbed.registries.registry import RunningRegistry

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Stored(MutableMapping[str, str]):
    """A repository of a registry that wants no login: digests by tag, oldest first.

    `pushed` has the times of tags and digests; tests set it.
    """

    def __init__(self, registry: RunningRegistry, name: str) -> None:
        root = registry.folder / "data/docker/registry/v2"
        self._blobs = root / "blobs/sha256"
        self._manifests = root / "repositories" / name / "_manifests"
        self.address = f"{registry.url}{name}"
        self.pushed: dict[str, datetime] = {}

    def __iter__(self) -> Iterator[str]:
        folder = self._manifests / "tags"
        names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        return iter(sorted(names, key=lambda name: (self.time(name), name)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __getitem__(self, tag: str) -> str:
        try:
            return (self._manifests / "tags" / tag / "current/link").read_text()
        except FileNotFoundError:
            raise KeyError(tag) from None

    def __setitem__(self, tag: str, digest: str) -> None:
        raise NotImplementedError("images are pushed")

    def __delitem__(self, tag: str) -> None:
        """The tag goes, and nothing else."""
        shutil.rmtree(self._manifests / "tags" / tag)

    def time(self, name: str) -> datetime:
        """When a tag or a digest was pushed."""
        return self.pushed.get(name, LONG_AGO)

    def manifests(self) -> dict[str, Any]:
        """What is there, with a tag or not, by digest."""
        links = (self._manifests / "revisions/sha256").glob("*/link")
        digests = sorted(link.read_text() for link in links)
        return {digest: self._content(digest) for digest in digests}

    def tags_of(self, digest: str) -> list[str]:
        """What is on it."""
        return [tag for tag, other in self.items() if other == digest]

    def parents(self, digest: str) -> list[str]:
        """The indexes that name it."""
        return [each for each, body in self.manifests().items() if digest in children(body)]

    def referrers(self, digest: str) -> list[str]:
        """What has it as its subject."""
        found = self.manifests().items()
        return [each for each, body in found if body.get("subject", {}).get("digest") == digest]

    def remove(self, digest: str) -> None:
        """A manifest goes with its tags, if it is there."""
        requests.delete(f"{self.address}/manifests/{digest}", timeout=20)

    def _content(self, digest: str) -> Any:
        algorithm, _, digits = digest.partition(":")
        assert algorithm == "sha256"
        return json.loads((self._blobs / digits[:2] / digits / "data").read_bytes())


def children(body: Any) -> list[str]:
    """What an index names."""
    return [each["digest"] for each in body.get("manifests") or ()]
