"""`dogctl logs`: what the app, or another service of its stack, said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dogctl.lifecycle.engines import current

if TYPE_CHECKING:
    from dogctl.config.model import Project


def recent(project: Project, count: int, service: str | None = None) -> list[str]:
    """The last `count` lines. Raises DogctlError if there is no log."""
    return current(project).recent(count, service)


def follow(project: Project, count: int, service: str | None = None) -> Iterator[str]:
    """The last `count` lines and every further one, without end, over restarts of the app.

    Raises DogctlError if there is no log.
    """
    return current(project).follow(count, service)
