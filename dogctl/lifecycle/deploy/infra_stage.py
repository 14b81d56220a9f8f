"""The stage of a deploy that makes the infrastructure, and what later stages have of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dogctl.config.hooks import Stage
from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle.deploy.planning import stored_plan, storing
from dogctl.lifecycle.deploy.wish import Wish
from dogctl.lifecycle.infra import (
    APPLY,
    PLAN,
    InfraOptions,
    Outputs,
    Planned,
    plan_infra,
    plan_only,
)
from dogctl.lifecycle.targets import LOAD
from dogctl.plan import Plan, Results
from dogctl.secrets import Redactor, Remember
from dogctl.tools.runner import Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class InfraStage:
    """One deploy's; `image` is the one that it ships, from the results of the stages before."""

    project: Project
    wish: Wish
    image: Callable[[Results], ImageRef | None]
    remember: Remember
    redact: Redactor
    runner: Runner

    def plan(self, results: Results) -> Plan:
        image = self.image(results)
        if Stage.LOAD in results:
            image = results[Stage.LOAD][LOAD]
        options = InfraOptions(self.wish.lock_timeout, image)
        rest: dict[str, Any] = {
            "remember": self.remember,
            "redact": self.redact,
            "runner": self.runner,
        }
        if self.wish.plan_out:
            return storing(self.project, plan_only(self.project, options, **rest), keep_data)
        approved, seen = self.wish.approved, self.wish.planned
        return plan_infra(
            self.project,
            options,
            approved=stored_plan(approved.plan) if approved else None,
            given=(lambda: seen.file) if seen else None,
            agree=self._agree,
            **rest,
        )

    def _agree(self, planned: Planned) -> None:
        """Raise ConfigError if nobody has said yes to that."""
        seen = self.wish.planned
        if seen and seen.sha256 == planned.sha256:
            return
        keep_data(planned)
        if not self.wish.yes:
            raise ConfigError(
                f"Terraform would change the infrastructure: {planned}",
                code="unconfirmed",
                where=str(self.project.settings.infra),
                hint="dogctl deploy --yes, or dogctl infra apply",
                detail=tuple(planned.lines()),
            )

    def outputs(self, results: Results) -> Outputs:
        """What the infrastructure gives; of a plan alone, what it will give as far as is known."""
        if Stage.INFRA not in results:
            return self.wish.outputs or Outputs()
        found: Outputs
        if self.wish.plan_out:
            found = results[Stage.INFRA][PLAN].outputs
        else:
            found = results[Stage.INFRA][APPLY]
        return found


def keep_data(planned: Planned) -> None:
    """Raise ConfigError if that loses what no deploy may: there is another command for it."""
    if planned.needs_care:
        raise ConfigError(
            f"this would destroy what is protected or holds data: {planned}",
            code="would-destroy",
            where=next(each.address for each in planned.lost if each.protected),
            hint="dogctl infra apply does that, if it is meant",
            detail=tuple(planned.lines()),
        )
