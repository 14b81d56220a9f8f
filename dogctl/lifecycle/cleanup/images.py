"""`dogctl cleanup images`: the images of a repository that nobody needs any more go, for good.

What is found and decided is shown first; what is shown is deleted, unless it has changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError
from dogctl.image import DOCKER_HUB, ImageRef
from dogctl.lifecycle.cleanup import guards, plan_file
from dogctl.lifecycle.cleanup.guards import Guard, Objection
from dogctl.lifecycle.cleanup.hub_shelf import HubShelf
from dogctl.lifecycle.cleanup.in_use import scan
from dogctl.lifecycle.cleanup.pace import LONGEST, Pace
from dogctl.lifecycle.cleanup.retention import Decision, InUse, Policy, decide
from dogctl.lifecycle.cleanup.shelves import OciShelf, Shelf
from dogctl.lifecycle.cleanup.sweep import Swept, sweep, verify
from dogctl.lifecycle.image import image_name, is_local, login_for
from dogctl.plan import Plan, Results, Run, Step
from dogctl.registries.base import Login
from dogctl.registries.dockerhub import DockerHub
from dogctl.registries.inventory import Inventory, Item
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project

SCAN, SURVEY, DECIDE, DELETE, VERIFY = "scan", "survey", "decide", "delete", "verify"


@dataclass(frozen=True)
class Findings:
    """What was found, and decided about it."""

    inventory: Inventory
    in_use: InUse
    decided: tuple[Decision, ...]
    objections: tuple[Objection, ...] = ()

    @property
    def going(self) -> tuple[Item, ...]:
        return tuple(each.item for each in self.decided if not each.keep)

    @property
    def kept(self) -> tuple[Item, ...]:
        return tuple(each.item for each in self.decided if each.keep)

    @property
    def size(self) -> int:
        """Bytes of what goes, at most: layers may be shared with what stays."""
        return sum(each.size for each in self.going)


@dataclass
class Cleanup:
    """The cleanup of one repository.

    Args:
        project: whose images they are.
        environments: the project in each environment that it declares.
        policy: what may go.
        allowed: the guards that are overridden.
        given: the file of a plan; nothing goes that is not in it.
        remember: hears of every secret before it is used.
        now: what ages are counted from.
    """

    project: Project
    environments: Sequence[Project]
    policy: Policy
    allowed: frozenset[Guard] = frozenset()
    given: Path | None = None
    remember: Remember = lambda _: None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def repository(self) -> ImageRef:
        """Where the images are. Raises ConfigError: nowhere that is cleaned up."""
        ref = image_name(self.project)
        if is_local(ref):
            raise ConfigError(
                "images of no registry are not cleaned up",
                code="no-cleanup",
                where=self.project.origins["docker_repo"],
                hint="set DOCKER_REPO to a repository, such as team/app or ghcr.io/team/app",
            )
        return ref

    def looking(self) -> Plan:
        """The steps that change nothing; DECIDE answers the Findings. Raises ConfigError."""
        ref = self.repository
        planned = plan_file.read(self.given, ref) if self.given else None

        def decided(results: Results) -> Findings:
            inventory: Inventory = results[SURVEY]
            in_use: InUse = results[SCAN]
            may_go = planned.allows if planned else _anything
            found = decide(inventory, self.policy, in_use, self.now, may_go)
            return Findings(inventory, in_use, found, guards.objections(inventory, in_use, found))

        names = ", ".join(str(each.environment) for each in self.environments) or "no environment"
        return Plan(
            "cleanup images",
            (
                Step(
                    SCAN,
                    lambda _: f"see what is in use in {names}",
                    lambda run: self._in_use(run),
                    looks=True,
                    previewed=True,
                ),
                Step(
                    SURVEY,
                    lambda _: f"read what is in {ref.name}",
                    lambda run: self._survey(run, run.results[SCAN]),
                    needs=(SCAN,),
                    looks=True,
                    previewed=True,
                ),
                Step(
                    DECIDE,
                    lambda _: "decide what stays",
                    lambda run: decided(run.results),
                    needs=(SCAN, SURVEY),
                    looks=True,
                    previewed=True,
                ),
            ),
        )

    def deleting(self, found: Findings) -> Plan:
        """The steps that delete what goes. Raises ConfigError: something speaks against it."""
        count = len(found.going)
        if not count:
            return Plan(
                "cleanup images", (Step(DELETE, _nothing, _no_run, done=lambda _: Swept()),)
            )
        guards.refuse(found.objections, self.allowed)
        delete = Step(
            DELETE,
            lambda _: f"delete {count} of {len(found.decided)} images from {self.repository.name}",
            lambda run: self._sweep(run, found),
            detail=lambda _: [_line(each) for each in found.decided if not each.keep],
        )

        def check(run: Run) -> Swept:
            swept: Swept = run.results[DELETE]
            verify(self._shelf(run, _pace(run)), swept, found.kept, run)
            return swept

        checked = Step(
            VERIFY,
            lambda _: "see that they are gone, and everything else is there",
            check,
            needs=(DELETE,),
            looks=True,
        )
        warning = f"This deletes {count} images of {self.repository.name} for good."
        return Plan("cleanup images", (delete, checked), warning)

    def _in_use(self, run: Run) -> InUse:
        found = scan(self.environments, self.repository, remember=self.remember, note=run.progress)
        return found.in_use()

    def _survey(self, run: Run, in_use: InUse) -> Inventory:
        def count(number: int) -> None:
            run.check()
            run.glance(f"{number} manifests")

        return self._shelf(run, _pace(run)).take(in_use.digests, count)

    def _sweep(self, run: Run, found: Findings) -> Swept:
        pace = _pace(run)

        def in_use() -> InUse:
            return self._in_use(run)

        asked = found.in_use.digests
        shelf = self._shelf(run, pace)
        return sweep(shelf, found.inventory, asked, found.going, in_use, pace, run)

    def _shelf(self, run: Run, pace: Pace) -> Shelf:
        ref = self.repository

        def login() -> Login | None:
            return login_for(self.project, ref.registry, self.remember)

        registry = OciRegistry(ref.registry, login, pause=pace.pause, longest_wait=LONGEST)
        if ref.registry != DOCKER_HUB:
            return OciShelf(registry, ref)
        hub = DockerHub(login, pause=pace.pause, longest_wait=LONGEST)
        return HubShelf(hub, registry, ref, run.sleep)


def _pace(run: Run) -> Pace:
    return Pace(run.sleep, run.progress)


def _anything(_: Item) -> bool:
    return True


def _line(decision: Decision) -> str:
    name = ", ".join(decision.item.tags) or "(no tag)"
    return f"- {name} {decision.item.digest}: {decision.reason}"


def _nothing(_: Results) -> str:
    return "nothing is to go"


def _no_run(_: Run) -> Swept:
    raise AssertionError("it is done")
