"""How Helm keeps its releases in the cluster: a secret for each revision.

https://helm.sh/docs/topics/advanced/#storage-backends; the content is a JSON document, packed with
gzip and written as base64: https://github.com/helm/helm/blob/main/pkg/storage/driver/util.go
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

Object = dict[str, Any]

_MAGIC = b"\x1f\x8b"
_PART = re.compile(r"^# Source: [^/\n]+/charts/", re.MULTILINE)


class Status(StrEnum):
    """https://github.com/helm/helm/blob/main/pkg/release/common/status.go"""

    UNKNOWN = "unknown"
    DEPLOYED = "deployed"
    UNINSTALLED = "uninstalled"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    UNINSTALLING = "uninstalling"
    PENDING_INSTALL = "pending-install"
    PENDING_UPGRADE = "pending-upgrade"
    PENDING_ROLLBACK = "pending-rollback"

    @property
    def pending(self) -> bool:
        """Whether Helm is at it, or was killed at it."""
        return self.name.startswith("PENDING") or self is Status.UNINSTALLING


@dataclass(frozen=True)
class Revision:
    """One revision of a release.

    Args:
        secret: the name of the secret that holds it.
        release, namespace, number, status: what its labels say.
        content: the packed document.
    """

    secret: str
    release: str
    namespace: str
    number: int
    status: Status
    content: bytes = field(repr=False)

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The whole of it, as Helm has it. Raises ValueError if it is none of Helm's."""
        return _unpack(self.content)

    @property
    def manifest(self) -> str:
        """The objects of the release, as YAML."""
        return str(self.document["manifest"])

    @property
    def values(self) -> Mapping[str, Any]:
        """The values that it was given."""
        return self.document.get("config") or {}

    @property
    def chart(self) -> str:
        """Name and version of its chart."""
        metadata = self.document["chart"]["metadata"]
        return f"{metadata['name']}-{metadata['version']}"

    @property
    def has_parts(self) -> bool:
        """Whether its chart has charts of its own, which Helm does not keep."""
        named = bool(self.document["chart"]["metadata"].get("dependencies"))
        # Those in its folder charts/ need not be named; only where objects come from tells.
        return named or _PART.search(self.manifest) is not None

    def chart_files(self) -> Mapping[str, bytes]:
        """The files of its chart, by their names in it. JSON is YAML too."""
        chart = self.document["chart"]
        files = {each["name"]: base64.b64decode(each["data"]) for each in _named(chart)}
        files["Chart.yaml"] = json.dumps(chart["metadata"]).encode()
        files["values.yaml"] = json.dumps(chart.get("values") or {}).encode()
        if chart.get("schema"):
            files["values.schema.json"] = base64.b64decode(chart["schema"])
        return files

    @property
    def app_version(self) -> str:
        return str(self.document["chart"]["metadata"].get("appVersion", ""))

    @property
    def description(self) -> str:
        return str(self.document["info"].get("description", ""))

    @property
    def updated(self) -> datetime:
        """When it was last deployed."""
        return datetime.fromisoformat(self.document["info"]["last_deployed"])


def _named(chart: Mapping[str, Any]) -> list[Mapping[str, str]]:
    return [*(chart.get("templates") or ()), *(chart.get("files") or ())]


def selector(release: str | None = None) -> str:
    """The label selector of the secrets of a release, or of all."""
    return "owner=helm" + (f",name={release}" if release else "")


def revision(secret: Mapping[str, Any]) -> Revision:
    """Read what a secret holds. Raises ValueError or KeyError if it is none of Helm's."""
    metadata = secret["metadata"]
    labels = metadata["labels"]
    return Revision(
        metadata["name"],
        labels["name"],
        metadata["namespace"],
        int(labels["version"]),
        Status(labels["status"]),
        base64.b64decode(secret["data"]["release"]),
    )


def with_status(secret: Mapping[str, Any], status: Status, description: str) -> Object:
    """The secret, changed to say that its revision is in another state."""
    document = dict(revision(secret).document)
    document["info"] = {**document["info"], "status": status, "description": description}
    metadata = {
        **secret["metadata"],
        "labels": {**secret["metadata"]["labels"], "status": status.value},
    }
    return {**secret, "metadata": metadata, "data": {"release": _pack(document)}}


def _unpack(content: bytes) -> Mapping[str, Any]:
    data = base64.b64decode(content)
    document = json.loads(gzip.decompress(data) if data.startswith(_MAGIC) else data)
    if not isinstance(document, dict) or "info" not in document:
        raise ValueError("no release of Helm")
    return document


def _pack(document: Mapping[str, Any]) -> str:
    packed = base64.b64encode(gzip.compress(json.dumps(document).encode()))
    return base64.b64encode(packed).decode()
