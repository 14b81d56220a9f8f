"""Images and their layers, as the engine describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dogctl.image import ImageRef


@dataclass(frozen=True)
class Image:
    """An image that the engine keeps.

    Args:
        id: the hash of its configuration or, in a containerd image store, of its manifest.
        platform: the one it is for, such as linux/amd64.
        known: what registries have it as, by digest, as far as the engine knows.
        size: of its layers, unpacked, in bytes.
    """

    id: str
    platform: str
    labels: Mapping[str, str] = field(repr=False)
    known: tuple[ImageRef, ...] = ()
    size: int = 0


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
