"""`dogctl cleanup images`: the images of a repository that nobody needs any more go, for good.

What is found and decided is shown first; what is shown is deleted, unless it has changed since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from dogctl.errors import ConfigError
from dogctl.image import DOCKER_HUB, Digest, ImageRef
from dogctl.lifecycle.cleanup import guards
from dogctl.lifecycle.cleanup.guards import Guard
from dogctl.lifecycle.cleanup.hub_shelf import HubShelf
from dogctl.lifecycle.cleanup.pace import LONGEST, Pace
from dogctl.lifecycle.cleanup.parts import Findings, Scan, nothing, verifying
from dogctl.lifecycle.cleanup.plan_file import Planned
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.remembered import Remembered
from dogctl.lifecycle.cleanup.retention import Decision, InUse, Policy, anything, decide
from dogctl.lifecycle.cleanup.shelves import OciShelf, Shelf
from dogctl.lifecycle.cleanup.sweep import Swept, sweep, verify
from dogctl.lifecycle.image import image_name, is_local, login_for
from dogctl.plan import Plan, Run, Step
from dogctl.registries.base import Login
from dogctl.registries.dockerhub import DockerHub
from dogctl.registries.inventory import Inventory, Item, Kind
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project

DELETE = "delete"


@dataclass
class Images:
    """The images of one repository, as a Part.

    Args:
        project: whose they are.
        policy: what may go.
        allowed: the guards that are overridden.
        planned: if given, nothing goes that is not in it.
        remember: hears of every secret before it is used.
        now: what ages are counted from.
    """

    project: Project
    policy: Policy
    allowed: frozenset[Guard] = frozenset()
    planned: Planned | None = None
    remember: Remember = lambda _: None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    # What may be in the same repository, and is cleaned up by others who know what is in use of it.
    others: ClassVar[Collection[Kind]] = (Kind.CHART,)

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

    @property
    def name(self) -> str:
        return "images"

    @property
    def place(self) -> str:
        """Raises ConfigError: nowhere that is cleaned up."""
        return self.repository.name

    def look(self, run: Run, used: References) -> Findings:
        """What is there, and what is decided about it. Raises DogctlError."""
        inventory = self._survey(run, used.digests)
        in_use = self._in_use(used, inventory)
        may_go = self.planned.allows if self.planned else anything
        found = decide(inventory, self.policy, in_use, self.now, may_go, self._tie, self.others)
        own = tuple(each for each in inventory.items if each.kind not in self.others)
        against = guards.objections(replace(inventory, items=own), in_use, found)
        return Findings(inventory, in_use, found, against)

    def deleting(self, found: Findings, scan: Scan) -> Plan:
        """The steps that delete what goes. Raises ConfigError: something speaks against it."""
        count = len(found.going)
        if not count:
            return nothing(self.name)
        guards.refuse(found.objections, self.allowed)
        delete = Step(
            DELETE,
            lambda _: (
                f"delete {count} of {len(found.decided)} {self.name} from {self.repository.name}"
            ),
            lambda run: self._sweep(run, found, scan),
            detail=lambda _: [_line(each) for each in found.decided if not each.keep],
        )

        def check(run: Run) -> Swept:
            swept: Swept = run.results[DELETE]
            verify(self._shelf(run, _pace(run)), swept, found.kept, run, self.name)
            return swept

        checked = verifying(check, (DELETE,))
        warning = f"This deletes {count} {self.name} of {self.repository.name} for good."
        return Plan(f"cleanup {self.name}", (delete, checked), warning)

    def _in_use(self, used: References, _: Inventory) -> InUse:
        return used.in_use()

    def _tie(self, item: Item) -> Any:
        return item.digest

    def _survey(self, run: Run, also: Iterable[Digest]) -> Inventory:
        def count(number: int) -> None:
            run.check()
            run.glance(f"{number} read")

        return self._shelf(run, _pace(run)).take(also, count)

    def _sweep(self, run: Run, found: Findings, scan: Scan) -> Swept:
        pace = _pace(run)

        def in_use() -> InUse:
            used = self._in_use(scan(run), found.inventory)
            guards.require_proof(used, self.allowed)
            return used

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
        folder = self.project.state / "cache" / "manifests" / ref.repository.replace("/", "@")
        return HubShelf(hub, registry, ref, Remembered(folder), run.sleep)


def _pace(run: Run) -> Pace:
    return Pace(run.sleep, run.progress)


def _line(decision: Decision) -> str:
    name = ", ".join(decision.item.tags) or "(no tag)"
    return f"- {name} {decision.item.digest}: {decision.reason}"
