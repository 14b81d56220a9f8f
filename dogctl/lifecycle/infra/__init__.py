"""The infrastructure of an environment, by Terraform: what other verbs use of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.lifecycle.infra.approved import applying_approved
from dogctl.lifecycle.infra.infra import APPLY, INIT, PLAN, Infra, InfraOptions
from dogctl.lifecycle.infra.output import plan_output
from dogctl.lifecycle.infra.planned import Outputs, Planned
from dogctl.lifecycle.infra.stored import StoredPlan, fetch_plan, store_plan
from dogctl.plan import Plan, Run
from dogctl.secrets import Remember
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

__all__ = [
    "APPLY",
    "INIT",
    "PLAN",
    "InfraOptions",
    "Outputs",
    "Planned",
    "StoredPlan",
    "fetch_plan",
    "has_infra",
    "plan_infra",
    "plan_only",
    "plan_outputs",
    "store_plan",
]

Redact = Callable[[str], str]
# Gives the file of a plan that was made before.
Given = Callable[[], Path] | None


def has_infra(project: Project) -> bool:
    """Whether the environment has infrastructure of its own."""
    return project.environment is not None and project.settings.infra is not None


def plan_infra(
    project: Project,
    options: InfraOptions,
    *,
    approved: StoredPlan | None = None,
    given: Given = None,
    agree: Callable[[Planned], None] = lambda _: None,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Plan with Terraform and apply that; or apply the very plan that was approved.

    The step `plan` answers what is Planned, and `apply` the Outputs, also where nothing changes.

    Args:
        given: gets the file of a plan that somebody has seen already.
        agree: hears what is about to be applied, and raises DogctlError if that must not be.

    Raises ConfigError.
    """
    infra = Infra(project, options, remember, redact, runner)
    if approved:
        stored = partial(fetch_plan, project, approved.sha256)
        return applying_approved(infra, stored, approved.changes)
    init, plan, apply = applying(infra, given).steps

    def run(step: Run) -> Outputs:
        agree(step.results[PLAN])
        outputs: Outputs = apply.run(step)
        return outputs

    return Plan("infra apply", (init, plan, replace(apply, run=run)))


def plan_only(
    project: Project,
    options: InfraOptions,
    *,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """See what Terraform would change; the step `plan` answers what is Planned.

    Raises ConfigError.
    """
    return looking(Infra(project, options, remember, redact, runner))


def plan_outputs(
    project: Project,
    *,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Read what the infrastructure gives; the step `output` answers the Outputs.

    Raises ConfigError.
    """
    return plan_output(Infra(project, InfraOptions(), remember, redact, runner))


def looking(infra: Infra, given: Given = None) -> Plan:
    """The steps that change nothing: a new plan, or a look at the one that is given."""
    return Plan("infra plan", (infra.init(), infra.plan(given)))


def applying(infra: Infra, given: Given = None) -> Plan:
    """The steps that apply a new plan, or the one that is given."""
    return Plan("infra apply", (infra.init(), infra.plan(given), infra.apply()))


def approved(infra: Infra, planned: Planned, *, saved: bool) -> Plan:
    """The step that applies what was shown; it asks first.

    One who had a plan `saved` has seen it, and is asked only where something is lost.
    """
    steps = (infra.apply(planned, needs=()),)
    name = infra.place.environment
    if not planned.has_changes or (saved and not planned.lost):
        return Plan("infra apply", steps)
    guarded = infra.project.settings.protected
    says = f"{name} is protected. " if guarded else ""
    warning = f"{says}This changes what {name} runs on: {planned}."
    return Plan("infra apply", steps, warning, name if guarded and planned.lost else None)
