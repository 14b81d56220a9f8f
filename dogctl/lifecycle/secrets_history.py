"""What Helm remembers of a release, with the secrets of today in it.

A rollback is to bring the app of then, not its passwords: the database takes those no more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import SECRETS
from dogctl.lifecycle.cluster_secrets import Store, checksum
from dogctl.tools.helm_storage import revision, selector, with_manifest

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

_DOCUMENT = re.compile(r"(?m)^---[^\n]*\n")


def follow(cluster: Cluster, store: Store) -> None:
    """Let every revision that can be rolled back to have the values that there are now.

    Raises DogctlError.
    """
    live = {name: store.data(name) for name, found in store.found.items() if found}
    for secret in cluster.kubernetes.select(
        SECRETS, cluster.namespace, labels=selector(cluster.release)
    ):
        manifest = revision(secret).manifest
        new = with_secrets(manifest, live)
        if new != manifest:
            cluster.kubernetes.replace(SECRETS, with_manifest(secret, new), cluster.namespace)


def with_secrets(manifest: str, live: Mapping[str, Mapping[str, str]]) -> str:
    """A manifest whose Secrets, and the checksums of them, are those that are live."""
    import yaml

    sums: dict[str, str] = {}
    parts = _DOCUMENT.split(manifest)
    for at, part in enumerate(parts):
        if not re.search(r"(?m)^kind: *Secret\s*$", part):
            continue
        item = yaml.load(part, Loader=yaml.CSafeLoader)
        name = item["metadata"]["name"]
        if name in live and item.get("data") != live[name]:
            sums[checksum(item.get("data") or {})] = checksum(live[name])
            item.pop("stringData", None)
            # JSON is YAML that every reader understands in one way.
            parts[at] = json.dumps({**item, "data": live[name]}) + "\n"
    text = "---\n".join(parts)
    for old, new in sums.items():
        text = text.replace(old, new)
    return text if sums else manifest
