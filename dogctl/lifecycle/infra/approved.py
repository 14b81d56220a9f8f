"""A plan of Terraform's that somebody has approved: that is done, or what is left of it, or nothing.

What would change is asked anew, since the world may have moved on; and the stored plan itself is
applied, unless a run before has done a part of it, so that Terraform calls it stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dogctl.errors import DogctlError
from dogctl.lifecycle.approved_changes import unapproved
from dogctl.lifecycle.infra.infra import Infra
from dogctl.lifecycle.infra.planned import Outputs, Planned
from dogctl.plan import Plan, Run
from dogctl.tools.terraform.causes import STALE
from dogctl.tools.terraform.changes import Action, ResourceChange


def applying_approved(
    infra: Infra, stored: Callable[[], Path], allowed: Sequence[Mapping[str, Any]]
) -> Plan:
    """The steps that apply the stored plan.

    Args:
        stored: gets its file.
        allowed: the changes that were approved, as data.
    """
    plan, apply = infra.plan(), infra.apply()

    def look(step: Run) -> Planned:
        planned: Planned = plan.run(step)
        check_changes(allowed, planned.changes)
        return planned

    def run(step: Run) -> Outputs:
        left: Planned = step.results[plan.name]
        if len(_doing(left.changes)) == len(_doing_data(allowed)):
            whole = infra.plan(stored).run(step)
            try:
                outputs: Outputs = infra.apply(whole).run(step)
                return outputs
            except DogctlError as error:
                if error.code != STALE:
                    raise
                step.progress("a run before has begun it: doing the rest")
        rest: Outputs = apply.run(step)
        return rest

    return Plan("infra apply", (infra.init(), replace(plan, run=look), replace(apply, run=run)))


def check_changes(allowed: Sequence[Mapping[str, Any]], found: Sequence[ResourceChange]) -> None:
    """Raise DogctlError if something would change that was not approved."""
    if others := unapproved(allowed, _doing(found)):
        raise DogctlError(
            f"the infrastructure has changed since this was approved: {len(others)} resources would"
            " change in another way",
            code="changed-since",
            where=others[0].address,
            hint="dogctl deploy --plan-out FILE plans anew",
            detail=tuple(each.line() for each in others),
        )


def _doing(changes: Sequence[ResourceChange]) -> list[ResourceChange]:
    """Without what others have changed: only what is done about it counts."""
    return [each for each in changes if each.action is not Action.DRIFT]


def _doing_data(changes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in changes if each["action"] != Action.DRIFT]
