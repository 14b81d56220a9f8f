"""Small images, put into a registry without an engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import requests

from tests.testbed.registries.registry import PASSWORD, USERNAME, RunningRegistry

OCI = "application/vnd.oci.image"
INDEX, MANIFEST = f"{OCI}.index.v1+json", f"{OCI}.manifest.v1+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"
ACCEPT = f"{INDEX}, {MANIFEST}, {LIST}, {SCHEMA2}"


def digest_of(content: bytes) -> str:
    """sha256:..."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Uploader:
    """Puts images into a repository, logged in with the test bed's password."""

    def __init__(self, registry: RunningRegistry, repository: str) -> None:
        self.base = f"{registry.url}{repository}"
        self.session = requests.Session()
        self.session.auth = (USERNAME.encode(), PASSWORD.encode())
        self.session.trust_env = False  # it would replace the next line by REQUESTS_CA_BUNDLE
        self.session.verify = registry.verify
        self.session.headers["Accept"] = ACCEPT

    def image(self, tag: str, text: str, kind: str = MANIFEST) -> str:
        """An image without layers; another `text` makes another one. Returns its digest."""
        config = self.blob(json.dumps({"os": "linux", "text": text}).encode())
        described = {"mediaType": f"{OCI}.config.v1+json", **config}
        return self.manifest(tag, {"config": described, "layers": []}, kind)

    def index(self, tag: str, digests: Mapping[str, str], kind: str = INDEX) -> str:
        """An index of images for some architectures, already there by their digests."""
        children = [
            {
                "mediaType": MANIFEST if kind == INDEX else SCHEMA2,
                "digest": digest,
                "size": len(self.session.get(f"{self.base}/manifests/{digest}").content),
                "platform": {"os": "linux", "architecture": architecture},
            }
            for architecture, digest in digests.items()
        ]
        return self.manifest(tag, {"manifests": children}, kind)

    def manifest(self, tag: str, body: Mapping[str, Any], kind: str) -> str:
        """Put a manifest under a tag, or with an empty one under its digest."""
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, **body}, indent=3).encode()
        digest = digest_of(content)
        address = f"{self.base}/manifests/{tag or digest}"
        answer = self.session.put(address, data=content, headers={"Content-Type": kind})
        assert answer.status_code == 201, answer.text
        assert answer.headers["Docker-Content-Digest"] == digest
        return digest

    def blob(self, content: bytes) -> dict[str, Any]:
        """Put a blob; returns what a manifest says of it."""
        place = self.session.post(f"{self.base}/blobs/uploads/").headers["Location"]
        digest = digest_of(content)
        answer = self.session.put(place, data=content, params={"digest": digest})
        assert answer.status_code == 201, answer.text
        return {"digest": digest, "size": len(content)}
