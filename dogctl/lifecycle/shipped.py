"""What a revision ships: its image, as its values and manifest say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dogctl.image import Digest, ImageRef
from dogctl.tools.helm_storage import Revision


def image_of(revision: Revision) -> ImageRef | None:
    """The image that the values of a revision name; None for a chart that has it elsewhere."""
    return image_in(revision.values)


def image_in(values: Mapping[str, Any]) -> ImageRef | None:
    """The image that `image.repository`, `image.tag` and `image.digest` name."""
    image = values.get("image")
    if not isinstance(image, Mapping) or not image.get("repository"):
        return None
    try:
        named = ImageRef.parse(str(image["repository"]))
        tagged = named.tagged(str(image["tag"])) if image.get("tag") else named
        return tagged.pinned(Digest.parse(image["digest"])) if image.get("digest") else tagged
    except ValueError:
        return None
