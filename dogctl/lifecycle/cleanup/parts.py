"""`dogctl cleanup`: several kinds of things at once, of which none waits for another's luck.

All of them are looked at and shown first, and asked about once. What is wrong with one of them is
told at the end, and the others are cleaned up all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dogctl.errors import Cancelled, DogctlError
from dogctl.lifecycle.cleanup.guards import Objection
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.retention import Decision, InUse
from dogctl.lifecycle.cleanup.sweep import Swept
from dogctl.plan import Plan, Results, Run, Step, stage
from dogctl.registries.inventory import Inventory, Item

SCAN = "scan"
# The last of every part's steps, which answers a Swept.
VERIFY = "verify"


# Looks what is in use now.
Scan = Callable[[Run], References]


@dataclass(frozen=True)
class Findings:
    """What was found of one kind, and decided about it."""

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
    def gaps(self) -> tuple[str, ...]:
        """What is not proven: that all was found, and all that is in use."""
        return (*self.inventory.gaps, *self.in_use.gaps)

    @property
    def size(self) -> int:
        """Bytes of what goes, at most: layers may be shared with what stays."""
        return sum(each.size for each in self.going)


class Part(Protocol):
    """One kind of things that is cleaned up. Every method raises DogctlError."""

    @property
    def name(self) -> str:
        """What they are called, such as `images`."""
        ...

    @property
    def place(self) -> str:
        """Where they are. Raises ConfigError: nowhere that is cleaned up."""
        ...

    def look(self, run: Run, used: References) -> Findings:
        """What is there, and what is decided about it."""
        ...

    def deleting(self, found: Findings, scan: Scan) -> Plan:
        """The steps that delete what goes, if that is not in use by then; VERIFY is the last.

        Raises ConfigError: something speaks against it.
        """
        ...


# What was found of each part, or why that cannot be told.
Looked = Mapping[str, Findings | DogctlError]


@dataclass(frozen=True)
class Cleanup:
    """The cleanup of some parts.

    Args:
        where: in which environments that is looked for.
        named: the part that was asked for; None for all there are.
    """

    parts: Sequence[Part]
    scan: Scan
    where: str
    named: str | None = None

    def looking(self) -> Plan:
        """The steps that change nothing; `looked` has their answers. Raises ConfigError."""
        first = Step(
            SCAN,
            lambda _: f"see what is in use in {self.where}",
            self.scan,
            looks=True,
            previewed=True,
        )
        return Plan("cleanup", (first, *map(_look, self.parts)))

    def looked(self, results: Results) -> Looked:
        """What the looks have found."""
        return {each.name: results[each.name] for each in self.parts}

    def goes(self, looked: Looked) -> bool:
        """Whether there is anything to delete, as far as that can be told."""
        return any(isinstance(each, DogctlError) or each.going for each in looked.values())

    def deleting(self, looked: Looked) -> Plan:
        """The steps that delete what goes. Raises DogctlError: nothing of it can be done."""
        plans = [self._plan(each, looked[each.name]) for each in self.parts]
        failed = [each for each in plans if isinstance(each, DogctlError)]
        if len(failed) == len(plans):
            raise failed[0]
        warnings = [each.warning for each in plans if isinstance(each, Plan)]
        steps = tuple(_delete(each, plan) for each, plan in zip(self.parts, plans, strict=True))
        return Plan("cleanup", steps, " ".join(filter(None, warnings)) or None)

    def _plan(self, part: Part, found: Findings | DogctlError) -> Plan | DogctlError:
        if isinstance(found, DogctlError):
            return found
        try:
            return part.deleting(found, self.scan)
        except DogctlError as error:
            return error


def nothing(name: str) -> Plan:
    """The plan of a part of which nothing is to go."""
    step = Step(VERIFY, lambda _: "nothing is to go", _no_run, done=lambda _: Swept())
    return Plan(f"cleanup {name}", (step,))


def verifying(check: Callable[[Run], Swept], needs: tuple[str, ...]) -> Step:
    """The last step of a part."""
    change = "see that they are gone, and everything else is there"
    return Step(VERIFY, lambda _: change, check, needs=needs, looks=True)


def _no_run(_: Run) -> Swept:
    raise AssertionError("it is done")


def _look(part: Part) -> Step:
    place = part.place

    def run(step: Run) -> Findings | DogctlError:
        try:
            return part.look(step, step.results[SCAN])
        except Cancelled:
            raise
        except DogctlError as error:
            return error

    return Step(
        part.name,
        lambda _: f"read what is in {place}, and decide what stays",
        run,
        needs=(SCAN,),
        looks=True,
        previewed=True,
    )


def _delete(part: Part, plan: Plan | DogctlError) -> Step:
    """Parts do not need one another, so each of them runs to its own end."""
    change = f"clean up the {part.name}"
    if isinstance(plan, Plan):
        return stage(part.name, lambda _: change, lambda _: plan)

    def fail(_: Run) -> None:
        # Something is done by then, so that this is no usage error any more.
        raise DogctlError(
            plan.message,
            code=plan.code,
            where=plan.where,
            hint=plan.hint,
            detail=plan.detail,
            data=plan.data,
        )

    return Step(part.name, lambda _: change, fail)
