"""What is in a registry besides images: contents of any kind, put, got and deleted.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dogctl.image import Digest, ImageRef
from dogctl.registries.oci import OciRegistry, hashed

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class OciContent(OciRegistry):
    """The contents of one registry; every method raises DogctlError."""

    def put_blob(self, ref: ImageRef, content: bytes) -> Digest:
        """Put a content into the repository of `ref`, unless it is there."""
        digest = hashed(content)
        if self._send(ref, "HEAD", f"blobs/{digest}").ok:
            return digest
        begun = self._answered(ref, self._send(ref, "POST", "blobs/uploads/"))
        sent = self._send(
            ref,
            "PUT",
            begun.headers["Location"],
            params={"digest": str(digest)},
            data=content,
            headers={"Content-Type": "application/octet-stream"},
        )
        self._answered(ref, sent)
        return digest

    def put_manifest(self, ref: ImageRef, manifest: Mapping[str, Any]) -> Digest:
        """Put a manifest of contents that are there under a tag. Answers its digest."""
        content = json.dumps(manifest).encode()
        put = self._send(
            ref, "PUT", f"manifests/{ref.tag}", data=content, headers={"Content-Type": MANIFEST}
        )
        self._answered(ref, put)
        return hashed(content)

    def repositories(self, ref: ImageRef) -> tuple[str, ...] | None:
        """The repositories that the registry names; None if it names none to anybody."""
        found: list[str] = []
        for answer in self._linked(ref, "/v2/_catalog?n=1000"):
            if answer.status_code in (401, 403, 404, 405):
                return None
            found += self._object(ref, answer).get("repositories") or []
        return tuple(found)
