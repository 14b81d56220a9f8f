"""Docker Hub's registry: manifests by their digest, as long as nothing refers to them.

https://docs.docker.com/reference/api/registry/latest/operations/DeleteImageManifest/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.testbed.registries.registry import RunningRegistry
from tests.testbed.registries.ruled import Answer, Ruled, error, ruled
from tests.testbed.registries.stored import Stored, children

NAMES = ("registry-1.docker.io", "auth.docker.io")


class HubRegistry(Ruled):
    """What is read counts as a pull, unless it is asked for by HEAD; `pulls` are those so far, and
    `allowed` how many there may be.

    Deleting `phantom` digests is answered well and does nothing. With an index go all its
    children, whatever else names them.
    """

    realm = "https://auth.docker.io/token"

    def __init__(self, registry: RunningRegistry) -> None:
        super().__init__(registry)
        self.phantom: set[str] = set()
        self.pulls = 0
        self.allowed: int | None = None

    def rule(self, method: str, stored: Stored, kind: str, last: str) -> Answer | None:
        """Manifests are counted, and deleted in another way."""
        if kind != "manifests":
            return None
        if method == "GET":
            if self.allowed is not None and self.pulls >= self.allowed:
                status, headers, body = error(429, "TOOMANYREQUESTS", "You have reached your limit")
                return status, {**headers, "Retry-After": "21600"}, body
            self.pulls += 1
        return self._delete(stored, last) if method == "DELETE" else None

    def _delete(self, stored: Stored, digest: str) -> Answer:
        if not digest.startswith("sha256:"):
            return error(405, "UNSUPPORTED", "The operation is unsupported.")
        manifests = stored.manifests()
        if digest not in manifests:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        if stored.tags_of(digest) or stored.parents(digest):
            return error(403, "DENIED", "requested access to the resource is denied")
        if digest not in self.phantom:
            for each in (digest, *children(manifests[digest])):
                stored.remove(each)
        return 202, {}, b""


@contextmanager
def hub_registry(registry: RunningRegistry) -> Iterator[HubRegistry]:
    """Docker Hub's registry and its tokens, over one that wants no login."""
    found = HubRegistry(registry)
    with ruled(found, registry):
        yield found
