"""The image that the stages of a deploy have made."""

from __future__ import annotations

from dogctl.config.hooks import Stage
from dogctl.image import ImageRef
from dogctl.lifecycle.push import Candidate
from dogctl.plan import Results


def pushed(results: Results) -> ImageRef | None:
    """The candidate in its registry, by its digest; None if this deploy has pushed none."""
    found = results.get(Stage.PUSH) or results.get(Stage.TAG)
    if found is None:
        return None
    candidate: Candidate = found["candidate"]
    return candidate.ref.pinned(candidate.digest)
