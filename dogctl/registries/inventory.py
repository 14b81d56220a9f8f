"""What is in a repository: its manifests, and how they belong together; or a chart's versions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from dogctl.image import Digest

CREATED = "org.opencontainers.image.created"
# What the configuration of a chart is called:
# https://github.com/helm/helm/blob/main/pkg/registry/constants.go
CHART = "application/vnd.cncf.helm.config.v1+json"

# cosign's tags, and the one of a registry that knows no referrers, which is on a list of them:
# https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
_SUBJECT_TAG = re.compile(r"(sha256)-([0-9a-f]{64})(\.\w+)?")


def subject_of(tag: str, *, of_list: bool = True) -> Digest | None:
    """What a tag says that its manifest belongs to; `of_list`: whether that is a list of others."""
    match = _SUBJECT_TAG.fullmatch(tag)
    return Digest(match[1], match[2]) if match and (match[3] or of_list) else None


class Kind(StrEnum):
    """What a manifest is."""

    IMAGE = "image"
    INDEX = "index"
    REFERRER = "referrer"  # a signature, an attestation, a list of software: it has a subject
    CHART = "chart"  # a version of a chart, which is its tag
    ARCHIVE = "archive"  # a chart's archive that no index names


@dataclass(frozen=True)
class Item:
    """One manifest, which is the unit of deletion: with its digest all its tags go.

    Args:
        tags: those that are on it.
        pushed: when it came there; None if that is not known.
        size: bytes that it names: its configuration and layers.
        children: the manifests of an index.
        subject: what it refers to, for a signature or an attestation.
        config: an image's configuration, which engines know it by.
        immutable: whether the registry lets nobody delete it.
    """

    digest: Digest
    kind: Kind = Kind.IMAGE
    tags: tuple[str, ...] = ()
    pushed: datetime | None = None
    size: int = 0
    children: tuple[Digest, ...] = ()
    subject: Digest | None = None
    config: Digest | None = None
    immutable: bool = False

    @property
    def title(self) -> str:
        """Its tags and its digest, for people."""
        return f"{', '.join(self.tags)} {self.digest}".strip()

    @property
    def subjects(self) -> tuple[Digest, ...]:
        """All that it belongs to: its subject, and what its tags say; never itself."""
        named = {self.subject, *map(subject_of, self.tags)}
        return tuple(sorted(each for each in named if each not in (None, self.digest)))


@dataclass(frozen=True)
class Inventory:
    """All that was found in a repository.

    Args:
        items: one for each digest.
        gaps: what speaks against that being all, a line each; none if it is proven to be.
        cascades: whether the registry deletes the children of an index with it.
        notes: what else is to be known of it, a line each.
    """

    items: tuple[Item, ...]
    gaps: tuple[str, ...] = ()
    cascades: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """What a registry's own API tells of a repository, beyond the specification.

    Args:
        pushed: when a digest with these tags came, None if that is not known; with it no time at
            which an image was created counts, and what has no tag came with what names it.
        tags: those that the listing has not.
        manifests: those that may be there without a tag.
        immutable: the tags that nobody can delete.
        gaps: as in Inventory; so are `cascades` and `notes`.
    """

    pushed: Callable[[Digest, Collection[str]], datetime | None]
    tags: Collection[str] = ()
    manifests: Collection[Digest] = ()
    immutable: Collection[str] = ()
    gaps: tuple[str, ...] = ()
    cascades: bool = False
    notes: tuple[str, ...] = ()


def time_of(text: str | None) -> datetime | None:
    """A time in ISO 8601, of UTC where it does not say of what; None if it is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
