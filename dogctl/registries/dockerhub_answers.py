"""What Docker Hub's API answers: tags and manifests, and errors where that makes no sense.

https://docs.docker.com/reference/api/hub/latest/
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dogctl.errors import DogctlError
from dogctl.image import Digest, ImageRef


@dataclass(frozen=True)
class HubTag:
    """A tag as Docker Hub tells of it; None is what it does not tell.

    Args:
        digest: of what was pushed, an index or a manifest.
        pushed: when.
    """

    name: str
    digest: Digest | None
    pushed: datetime | None


@dataclass(frozen=True)
class HubManifest:
    """A manifest as Docker Hub tells of it, with the tags that are on it.

    What has none may well be a part of an index that has one.
    """

    digest: Digest
    tags: tuple[str, ...]
    pushed: datetime | None


def entries(ref: ImageRef, page: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list of a page. Raises DogctlError."""
    found = page.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise unreadable(ref, name)
    return found


def tag(ref: ImageRef, entry: dict[str, Any]) -> HubTag:
    """A tag as it is listed, or told alone. Raises DogctlError."""
    images: list[dict[str, Any]] = entry.get("images") or []
    only = images[0] if len(images) == 1 else {}
    try:
        digest: str | None = entry.get("digest") or only.get("digest")
        pushed = _time(entry.get("tag_last_pushed"))
        return HubTag(entry["name"], _digest(digest), pushed)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise unreadable(ref, "a tag") from None


def manifests(page: dict[str, Any]) -> list[HubManifest] | None:
    """The manifests of a page; None if it is none as was seen so far."""
    try:
        return [
            HubManifest(
                Digest.parse(entry["manifest_digest"]),
                tuple(each for each in entry.get("tags") or () if isinstance(each, str)),
                _time(entry.get("last_pushed")),
            )
            for entry in page["manifests"]
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _digest(text: str | None) -> Digest | None:
    return Digest.parse(text) if text else None


def _time(text: str | None) -> datetime | None:
    found = datetime.fromisoformat(text) if text else None
    # Without a zone it is no moment.
    return found if found and found.tzinfo else None


def unreadable(ref: ImageRef, what: str) -> DogctlError:
    """The error for an answer that makes no sense."""
    return DogctlError(
        f"Docker Hub tells something unreadable: {what}",
        code="registry-inconsistent",
        where=ref.name,
    )
