"""`dogctl cleanup local`: what dead runs have left on this machine, and old images made here.

Only what carries a label of dogctl's and is this project's goes. The stack of `dogctl up` and its
data are none of that: `dogctl down` ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from dogctl.lifecycle.build import LOCK_PATIENCE
from dogctl.lifecycle.cleanup.local_images import OwnImages
from dogctl.lifecycle.cleanup.retention import Decision, Policy, decide
from dogctl.lifecycle.local import Paths, locked
from dogctl.lifecycle.smoke_runs import LABEL, Life, Runs
from dogctl.plan import Plan, Results, Run, Step
from dogctl.registries.inventory import Item
from dogctl.tools.docker import Docker
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

STACKS, IMAGES = "stacks", "images"
WHY = {
    Life.DEAD: "its smoke test has ended",
    Life.RUNS: "its smoke test runs",
    Life.KEPT: "it was to stay: dogctl smoke --clean",
}
OTHER = "another project's"


@dataclass(frozen=True)
class LeftStack:
    """A stack of a smoke test, and what happens to it."""

    name: str
    keep: bool
    reason: str
    containers: int = 0
    volumes: int = 0
    networks: int = 0


@dataclass(frozen=True)
class LocalFindings:
    """What is on this machine, and what was decided about it."""

    stacks: tuple[LeftStack, ...]
    images: tuple[Decision, ...]

    @property
    def dead(self) -> tuple[str, ...]:
        """The stacks that go."""
        return tuple(each.name for each in self.stacks if not each.keep)

    @property
    def old(self) -> tuple[Item, ...]:
        """The images that go."""
        return tuple(each.item for each in self.images if not each.keep)


@dataclass
class SweptImages:
    """The images that are gone, and why others stay."""

    deleted: list[Item] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)


@dataclass
class LocalCleanup:
    """The cleanup of this machine.

    Args:
        policy: which images may go; None for none of them.
        connect: reaches the engine; raises ToolError where there is none.
        now: what ages are counted from.
    """

    project: Project
    policy: Policy | None
    runner: Runner = LOCAL
    connect: Callable[[], Docker] = Docker.connect
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def _docker(self) -> Docker:
        return self.connect()

    @cached_property
    def _runs(self) -> Runs:
        return Runs(self.project, self._docker, self.runner)

    @cached_property
    def _own(self) -> OwnImages:
        return OwnImages(self.project, self._docker, self.runner)

    def looking(self) -> Plan:
        """The steps that change nothing. Raises ToolError: there is no engine."""
        self._docker.used_images()
        return Plan(
            "cleanup local",
            (
                _look(STACKS, "see what smoke tests have left", lambda _: self._stacks()),
                _look(IMAGES, "see which images were made here", lambda _: self._images()),
            ),
        )

    def found(self, results: Results) -> LocalFindings:
        """What they have found."""
        return LocalFindings(results[STACKS], results[IMAGES])

    def deleting(self, found: LocalFindings) -> Plan:
        """The steps that remove what goes."""
        stacks = Step(
            STACKS,
            lambda _: f"remove {len(found.dead)} stacks of dead smoke tests",
            lambda step: self._runs.sweep(step, names=found.dead),
            done=lambda _: None if found.dead else (),
            detail=lambda _: [f"- {name}" for name in found.dead],
        )
        images = Step(
            IMAGES,
            lambda _: f"remove {len(found.old)} old images",
            lambda step: self._sweep(found.old, step),
            needs=(STACKS,),  # whose containers may have them
            done=lambda _: None if found.old else SweptImages(),
            detail=lambda _: [f"- {item.title}" for item in found.old],
        )
        words = f"{len(found.dead)} stacks with their data and {len(found.old)} images"
        warning = f"This removes {words} from this machine."
        any_goes = found.dead or found.old
        return Plan("cleanup local", (stacks, images), warning if any_goes else None)

    def _stacks(self) -> tuple[LeftStack, ...]:
        runs = self._runs.all()
        # Whether those run is for their own project's dogctl to tell.
        others = sorted(self._docker.stacks(LABEL) - set(runs))
        own = (self._stack(name, life is not Life.DEAD, WHY[life]) for name, life in runs.items())
        return (*own, *(self._stack(name, True, OTHER) for name in others))

    def _stack(self, name: str, keep: bool, reason: str) -> LeftStack:
        docker = self._docker
        parts = (docker.containers(name), docker.volumes(name), docker.networks(name))
        return LeftStack(name, keep, reason, *map(len, parts))

    def _images(self) -> tuple[Decision, ...]:
        inventory = self._own.take()
        if self.policy is None:
            says = "nothing says that it may go, such as --keep or --older-than"
            return tuple(Decision(each, True, says) for each in inventory.items)
        return decide(inventory, self.policy, self._own.in_use(), self.now)

    def _sweep(self, going: tuple[Item, ...], step: Run) -> SweptImages:
        swept = SweptImages()
        # A build gives its image a name while it holds this.
        with locked(Paths(self.project.state), step.sleep, LOCK_PATIENCE, step.progress):
            in_use = self._own.in_use()
            for item in going:
                step.check()
                used = in_use.where(item)
                why = f"came into use: {used}" if used else self._own.remove(item, step)
                if why:
                    swept.dropped[item.title] = why
                else:
                    swept.deleted.append(item)
                    step.glance(f"{len(swept.deleted)} of {len(going)}")
        return swept


def _look(name: str, change: str, run: Callable[[Run], object]) -> Step:
    return Step(name, lambda _: change, run, looks=True, previewed=True)
