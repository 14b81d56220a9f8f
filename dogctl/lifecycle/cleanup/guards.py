"""What speaks against a cleanup as a whole; each has to be overridden by its own flag."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle.cleanup.retention import Decision, InUse
from dogctl.registries.inventory import Inventory


class Guard(StrEnum):
    """The flags that override them, without their dashes."""

    NOTHING_IN_USE = "allow-nothing-in-use"
    MOST = "allow-most"
    GAPS = "allow-gaps"


@dataclass(frozen=True)
class Objection:
    """Why it is not done."""

    guard: Guard
    says: str


def objections(
    inventory: Inventory, in_use: InUse, decided: Sequence[Decision]
) -> tuple[Objection, ...]:
    """All that speaks against doing it; nothing does where nothing would go."""
    going = sum(not each.keep for each in decided)
    return tuple(_objections(inventory, in_use, going)) if going else ()


def _objections(inventory: Inventory, in_use: InUse, going: int) -> Iterator[Objection]:
    total = len(inventory.items)
    if not any(map(in_use.where, inventory.items)):
        says = "nothing of the repository is in use in any environment, which is rarely so"
        yield Objection(Guard.NOTHING_IN_USE, says)
    if 2 * going > total:
        yield Objection(Guard.MOST, f"{going} of {total} would go, which is more than half")
    # Of a registry one gap says enough; of the environments each is another one's.
    if gaps := (*inventory.gaps[:1], *in_use.gaps):
        yield Objection(Guard.GAPS, _unproven(gaps))


def refuse(found: Sequence[Objection], allowed: Collection[Guard]) -> None:
    """Raise ConfigError unless all of them are overridden."""
    left = [each for each in found if each.guard not in allowed]
    if left:
        flags = " ".join(f"--{each.guard}" for each in left)
        raise ConfigError(
            left[0].says,
            code="guarded",
            where=f"--{left[0].guard}",
            hint=f"--dry-run shows what would go; if that is right, add {flags}",
            detail=tuple(each.says for each in left[1:]),
        )


def require_proof(in_use: InUse, allowed: Collection[Guard]) -> None:
    """Raise DogctlError if what is in use is less sure than it was when that was decided."""
    if in_use.gaps and Guard.GAPS not in allowed:
        raise DogctlError(
            _unproven(in_use.gaps),
            code="guarded",
            where=f"--{Guard.GAPS}",
            hint="run the command again with --dry-run",
        )


def _unproven(gaps: Sequence[str]) -> str:
    return "it is not proven that all was found: " + "; ".join(gaps)
