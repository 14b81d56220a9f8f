"""The image that the stages of a deploy have made."""

from __future__ import annotations

from dogctl.config.hooks import Stage
from dogctl.image import ImageRef
from dogctl.lifecycle.push import Candidate, Release
from dogctl.plan import Results


def pushed(results: Results) -> ImageRef | None:
    """The image in its registry, by its digest; None if this deploy has pushed none."""
    tagged = results.get(Stage.TAG) or results.get(Stage.PUSH)
    if tagged is None:
        return None
    found: Candidate = tagged["candidate"]
    release: Release = tagged.get("release", Release(found.ref, ()))
    return release.ref.pinned(found.digest)
