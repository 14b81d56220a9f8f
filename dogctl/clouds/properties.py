"""What is to be true of a thing in a cloud: looked at first, and seen to only if it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """One of them.

    Args:
        name: what it is called.
        change: what it takes to make it true.
        is_so: looks; raises DogctlError.
        make_so: sees to it; somebody else may be at it at the same time. Raises DogctlError.
    """

    name: str
    change: str
    is_so: Callable[[], bool]
    make_so: Callable[[], None]
