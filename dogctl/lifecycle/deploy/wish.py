"""What a user asks of one deploy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.image import ImageRef
from dogctl.lifecycle.deploy.approval import Approval
from dogctl.lifecycle.deploy.promote import Promoted
from dogctl.lifecycle.infra import Outputs, Planned
from dogctl.lifecycle.infra.infra import LOCK_TIMEOUT
from dogctl.lifecycle.release import Start
from dogctl.lifecycle.release_steps import Options

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class Approved:
    """A plan that was approved, and its hash."""

    plan: Approval
    sha256: str


@dataclass(frozen=True)
class Wish:
    """What the user asks of one deploy.

    Args:
        options: those of the release.
        promoted: an image that is there already; None for that of what is checked out.
        start: start the cluster first, if it is one on this machine.
        any_ref: whatever branch or tag this is.
        plan_out: only plan it, and write that to this file, to be approved.
        approved: carry out exactly this.
        only_looks: whether nothing will be carried out, so that no approval is needed.
        yes: whether Terraform may change what it likes, as long as no data is lost.
        outputs: what the infrastructure gives, where that is not looked at.
        planned: what Terraform would change, which the user has seen and wants.
        lock_timeout: seconds to wait for another Terraform on the same state.
        environments: the project in each environment that it declares, to know what is in use.
    """

    options: Options
    promoted: Promoted | None = None
    start: Start | None = None
    any_ref: bool = False
    plan_out: Path | None = None
    approved: Approved | None = None
    only_looks: bool = False
    yes: bool = False
    outputs: Outputs | None = None
    planned: Planned | None = None
    lock_timeout: float = LOCK_TIMEOUT
    environments: Callable[[], Sequence[Project]] = lambda: ()

    @property
    def image(self) -> ImageRef | None:
        """An image that is there already."""
        if self.approved:
            return self.approved.plan.ref
        return self.promoted.image if self.promoted else None
