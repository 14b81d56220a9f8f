"""What a release gets of the infrastructure: outputs as values of its chart, and as its secrets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dogctl.config.model import DECLARATIONS
from dogctl.errors import ConfigError
from dogctl.lifecycle.bundle import nested
from dogctl.lifecycle.infra.planned import Outputs, as_secret

if TYPE_CHECKING:
    from dogctl.config.model import Project

NO_OUTPUT = "no-output"
_BY_VARIABLE = {each.env: key for key, each in DECLARATIONS.items() if each.env and each.secret}


@dataclass(frozen=True)
class Given:
    """The project with the secrets that the infrastructure gives, and values for its chart."""

    project: Project
    values: dict[str, Any]


def wants_outputs(project: Project) -> bool:
    """Whether a release cannot do without the outputs."""
    return bool(project.settings.infra_values or project.settings.infra_secrets)


def given_by(project: Project, outputs: Outputs) -> Given:
    """What the settings take of the outputs.

    Raises ConfigError: an output is not there, or a secret would become a value, which Helm shows.
    """
    settings = project.settings
    _require(project, "infra_values", settings.infra_values.values(), outputs)
    _require(project, "infra_secrets", settings.infra_secrets.values(), _without_nothing(outputs))
    for path, name in settings.infra_values.items():
        if name in outputs.secrets:
            raise ConfigError(
                f"{path}: the output {name} is a secret, and values are for everybody to read",
                code="secret-value",
                where=project.origins["infra_values"],
                hint="put it into infra-secrets, under the name of a variable of the app",
            )
    values = nested({path: outputs.values[name] for path, name in settings.infra_values.items()})
    return Given(_with_secrets(project, outputs), values)


def _with_secrets(project: Project, outputs: Outputs) -> Project:
    settings = project.settings
    found = {
        name: outputs.secrets.get(output) or as_secret(outputs.values[output])
        for name, output in settings.infra_secrets.items()
    }
    known = {_BY_VARIABLE[name]: value for name, value in found.items() if name in _BY_VARIABLE}
    others = {name: value for name, value in found.items() if name not in _BY_VARIABLE}
    variables = MappingProxyType({**settings.variables, **others})
    return replace(project, settings=replace(settings, variables=variables, **known))  # type: ignore[arg-type]


def _without_nothing(outputs: Outputs) -> Outputs:
    """A value may be null, which takes one of the chart's away; a secret that is nothing is none."""
    return replace(outputs, values={k: v for k, v in outputs.values.items() if v is not None})


def _require(project: Project, setting: str, names: Iterable[str], outputs: Outputs) -> None:
    missing = [name for name in names if name not in {**outputs.values, **outputs.secrets}]
    if missing:
        known = ", ".join((*outputs.values, *outputs.secrets)) or "none"
        raise ConfigError(
            f"Terraform has no output {missing[0]} (there are: {known})",
            code=NO_OUTPUT,
            where=project.origins[setting],
            hint="dogctl infra output shows them; dogctl infra apply makes what is missing",
        )
