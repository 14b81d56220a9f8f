"""Words that all answers of `dogctl cleanup` have in common."""

from __future__ import annotations

from dogctl.image import Digest


def mark(keep: bool) -> str:
    """What becomes of something."""
    return "keep" if keep else "delete"


def short(digest: Digest) -> str:
    """As much of a digest as people compare."""
    return digest.hex[:12]


def size(count: int) -> str:
    """A number of bytes, of which some always show."""
    if count < 1e3:
        return f"{count} B"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
