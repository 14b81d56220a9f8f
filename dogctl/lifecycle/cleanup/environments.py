"""The environments that are looked into: each is to be where it says itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dogctl.config.model import Target
from dogctl.errors import ConfigError

if TYPE_CHECKING:
    from dogctl.config.model import Project

# Where a cluster is at Google. An environment variable says the same of all environments, which a
# CI system sets for each: then one cluster would be read twice, and the other one never.
PLACE = ("cluster", "project_id", "gcp_project", "region")


def require_own_places(projects: Iterable[Project]) -> None:
    """Raise ConfigError if environment variables say where several environments are.

    Args:
        projects: the project in each of its environments.
    """
    at_google = [each for each in projects if each.settings.target is Target.GKE]
    variables = sorted({origin for each in at_google for origin in _from_outside(each)})
    if variables and len(at_google) > 1:
        names = ", ".join(str(each.environment) for each in at_google)
        raise ConfigError(
            f"{' and '.join(variables)} would say of {names} alike where they are, and what runs"
            " elsewhere would count as unused",
            code="places-not-told-apart",
            where=variables[0],
            hint="unset it, and say in each environment's table in pyproject.toml where it is",
        )


def _from_outside(project: Project) -> Iterator[str]:
    for name in PLACE:
        if project.origins[name].startswith("$"):
            yield project.origins[name]
