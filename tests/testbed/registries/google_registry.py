"""Google's Artifact Registry: it lists all manifests, and deletes none that is referred to.

https://cloud.google.com/artifact-registry/docs/reference/docker-api
The words for an immutable tag that is to be deleted are those for one that is to be moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.testbed.registries.registry import RunningRegistry
from tests.testbed.registries.ruled import Answer, Ruled, error, in_json, ruled
from tests.testbed.registries.stored import Stored

NAME = "europe-west1-docker.pkg.dev"
MISSING = error(404, "MANIFEST_UNKNOWN", "Failed to fetch")


class GoogleRegistry(Ruled):
    """`immutable` is whether no tag can be moved or deleted."""

    realm = f"https://{NAME}/v2/token"

    def __init__(self, registry: RunningRegistry) -> None:
        super().__init__(registry)
        self.immutable = False
        self.user = "oauth2accesstoken"

    def rule(self, method: str, stored: Stored, kind: str, last: str) -> Answer | None:
        """Listings and deletions are Google's own."""
        if kind == "tags":
            return in_json(200, listing(stored))
        if method != "DELETE" or kind != "manifests":
            return None
        return self._delete(stored, last) if ":" in last else self._untag(stored, last)

    def _untag(self, stored: Stored, tag: str) -> Answer:
        if tag not in stored:
            return MISSING
        if self.immutable:
            says = f"cannot delete tag {tag}. The repository has enabled tag immutability"
            return error(400, "MANIFEST_INVALID", says)
        del stored[tag]
        return 202, {}, b""

    def _delete(self, stored: Stored, digest: str) -> Answer:
        if digest not in stored.manifests():
            return MISSING
        refused = {
            "GOOGLE_MANIFEST_DANGLING_TAG": ("tag", stored.tags_of(digest)),
            "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE": ("parent image", stored.parents(digest)),
            "GOOGLE_MANIFEST_REFERRING_MANIFEST": ("manifest", stored.referrers(digest)),
        }
        for code, (what, names) in refused.items():
            if names:
                return error(400, code, f"Manifest is still referenced by {what}: {names[0]}")
        stored.remove(digest)
        return 202, {}, b""


def listing(stored: Stored) -> dict[str, Any]:
    """The tags, and more."""
    described = {
        digest: {
            "imageSizeBytes": "0",
            "layerId": "",
            "mediaType": body["mediaType"],
            "tag": stored.tags_of(digest),
            "timeCreatedMs": "0",
            "timeUploadedMs": str(int(stored.time(digest).timestamp() * 1000)),
        }
        for digest, body in stored.manifests().items()
    }
    return {"child": [], "manifest": described, "name": "app", "tags": sorted(stored)}


@contextmanager
def google_registry(registry: RunningRegistry) -> Iterator[GoogleRegistry]:
    """Artifact Registry and its tokens, over a registry that wants no login."""
    found = GoogleRegistry(registry)
    with ruled(found, registry):
        yield found
