"""Which parts a cleanup has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.errors import DogctlError
from dogctl.lifecycle.cleanup import plan_file
from dogctl.lifecycle.cleanup.guards import Guard
from dogctl.lifecycle.cleanup.images import Images
from dogctl.lifecycle.cleanup.in_use import scan
from dogctl.lifecycle.cleanup.parts import Cleanup, Looked, Part
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.retention import Policy
from dogctl.plan import Run
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project


def cleanup_of(
    project: Project,
    environments: Sequence[Project],
    policy: Policy,
    allowed: frozenset[Guard] = frozenset(),
    what: str | None = None,
    given: Path | None = None,
    remember: Remember = lambda _: None,
) -> Cleanup:
    """The cleanup of one part, or of all that the project has.

    Args:
        environments: the project in each environment that it declares.
        policy: what may go.
        allowed: the guards that are overridden.
        what: the name of the part.
        given: the file of a plan; nothing goes that is not in it.
        remember: hears of every secret before it is used.

    Raises ConfigError: there is nothing to clean up, or the file is no plan for it.
    """
    images = Images(project, policy, allowed, remember=remember)
    parts = [each for each in (images,) if what in (None, each.name)]
    if given:
        planned = plan_file.read(given, {each.name: each.place for each in parts})
        parts = [replace(each, planned=planned[each.name]) for each in parts]

    def look(run: Run) -> References:
        return scan(environments, images.repository, remember=remember, note=run.progress)

    names = ", ".join(str(each.environment) for each in environments)
    return Cleanup(parts, look, names or "no environment", what)


def write_plan(path: Path, parts: Sequence[Part], looked: Looked) -> None:
    """Write what goes. Raises DogctlError: some of it cannot be told."""
    decided = {}
    for each in parts:
        found = looked[each.name]
        if isinstance(found, DogctlError):
            raise found
        decided[each.name] = (each.place, found.decided)
    plan_file.write(path, decided)
