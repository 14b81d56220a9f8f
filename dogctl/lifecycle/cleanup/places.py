"""Whether every environment is looked at where it is, and none in the place of another.

A variable such as GKE_CLUSTER_NAME is about the one environment of the job that sets it. A cleanup
looks at all of them, and it would lead all of them to that one: what the others use would go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError

if TYPE_CHECKING:
    from dogctl.config.model import Project

# The settings that say where an environment is, as far as a variable may give them.
PLACES = ("cluster", "project_id", "gcp_project", "region", "release", "prometheus_namespace")
_OTHERS = ("target", "context", "namespace", "name")


def require_own_places(environments: Iterable[tuple[Project, Project]]) -> None:
    """Raise ConfigError if a variable leads an environment elsewhere than its file says.

    Args:
        environments: each as it is, and as the file alone says it.
    """
    seen: dict[tuple[object, ...], str] = {}
    for project, in_file in environments:
        name, given = str(project.environment), tuple(_given(project))
        for key in given:
            said = getattr(in_file.settings, key)
            if said not in (None, getattr(project.settings, key)):
                raise _elsewhere(project, key, f"{name} elsewhere than to {said}")
        place = tuple(getattr(project.settings, key) for key in (*PLACES, *_OTHERS))
        other = seen.setdefault(place, name)
        if given and other != name and project.settings.target:
            raise _elsewhere(project, given[0], f"{name} to where {other} is")


def _given(project: Project) -> Iterator[str]:
    return (key for key in PLACES if project.origins[key].startswith("$"))


def _elsewhere(project: Project, key: str, whereto: str) -> ConfigError:
    variable = project.origins[key]
    return ConfigError(
        f"{variable} leads {whereto}, and what runs in each has to be known",
        code="one-place",
        where=variable,
        hint=f"set {key.replace('_', '-')} in pyproject.toml for each environment, and unset"
        f" {variable.removeprefix('$')}",
    )
