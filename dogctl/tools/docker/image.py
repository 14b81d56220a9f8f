"""Images and their layers, as the engine describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dogctl.image import ImageRef

if TYPE_CHECKING:
    from docker.models.images import Image as SdkImage


@dataclass(frozen=True)
class Image:
    """An image that the engine keeps.

    Args:
        id: the hash of its configuration or, in a containerd image store, of its manifest.
        platform: the one it is for, such as linux/amd64.
        known: what registries have it as, by digest, as far as the engine knows.
        size: of its layers, unpacked, in bytes.
        names: its tags here.
        tagged: when it last got one of them; None if the engine does not say.
    """

    id: str
    platform: str
    labels: Mapping[str, str] = field(repr=False)
    known: tuple[ImageRef, ...] = ()
    size: int = 0
    names: tuple[ImageRef, ...] = ()
    tagged: datetime | None = None


def read_image(found: SdkImage) -> Image:
    """What the SDK has of an image."""
    attributes: dict[str, Any] = found.attrs
    variant = attributes.get("Variant")
    parts = (attributes["Os"], attributes["Architecture"], *([variant] if variant else []))
    return Image(
        id=found.id or "",
        platform="/".join(parts),
        labels=dict(found.labels),
        known=_names(attributes.get("RepoDigests")),
        size=attributes.get("Size", 0),
        names=_names(attributes.get("RepoTags")),
        tagged=_time((attributes.get("Metadata") or {}).get("LastTagTime")),
    )


def _names(found: Iterable[str] | None) -> tuple[ImageRef, ...]:
    return tuple(ImageRef.parse(name) for name in found or () if not name.startswith("<none>"))


def _time(text: str | None) -> datetime | None:
    """A time of the engine's, which says the year 1 for none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware if aware.year > 1 else None


@dataclass(frozen=True)
class Layer:
    """What the engine says of a layer under way: `Pushing`, and how many bytes are there."""

    id: str
    state: str
    sent: int
    size: int


def read_layer(line: Mapping[str, Any]) -> Layer:
    """One line of what the engine says while it pushes."""
    numbers = line["progressDetail"] or {}
    return Layer(line["id"], line["status"], numbers.get("current", 0), numbers.get("total", 0))
