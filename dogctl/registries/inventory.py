"""What is in a repository: its manifests, and how they belong together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dogctl.image import Digest


class Kind(StrEnum):
    """What a manifest is."""

    IMAGE = "image"
    INDEX = "index"
    REFERRER = "referrer"  # a signature, an attestation, a list of software: it has a subject


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
