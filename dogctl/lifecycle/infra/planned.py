"""What Terraform has planned, and the outputs it gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dogctl.secrets import Secret
from dogctl.tools.terraform.changes import Action, ResourceChange, summary
from dogctl.tools.terraform.standing import KnownCluster


@dataclass(frozen=True)
class Outputs:
    """The outputs of a configuration; the sensitive ones apart."""

    values: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """A saved plan, and what it says.

    Args:
        changes: what happens to which resource; secrets are masked.
        file: the plan itself, which holds secrets.
        sha256: its hash, in hexadecimal digits.
        has_changes: whether there is anything to apply.
        output_changes: the names of the outputs that change.
        outputs: what the outputs will be, as far as that is known.
        clusters: the clusters that there are.
        at_google: whether anything that there is is Google's.
    """

    changes: tuple[ResourceChange, ...]
    file: Path
    sha256: str
    has_changes: bool
    output_changes: tuple[str, ...]
    outputs: Outputs
    clusters: tuple[KnownCluster, ...] = ()
    at_google: bool = False

    @property
    def lost(self) -> tuple[ResourceChange, ...]:
        """What is destroyed."""
        return tuple(each for each in self.changes if each.destroys)

    @property
    def needs_care(self) -> bool:
        """Whether something is destroyed that is protected or holds data."""
        return any(each.protected for each in self.lost)

    def lines(self) -> list[str]:
        """All that changes, for people."""
        lines = [each.line() for each in self.changes]
        if self.output_changes:
            lines.append(f"~ outputs: {', '.join(self.output_changes)}")
        return lines

    def data(self) -> dict[str, Any]:
        return {
            "changes": [each.data() for each in self.changes],
            "output_changes": list(self.output_changes),
            "has_changes": self.has_changes,
            "plan": str(self.file),
            "sha256": self.sha256,
        }

    def __str__(self) -> str:
        drift = [each for each in self.changes if each.action is Action.DRIFT]
        if not self.has_changes:
            return f"nothing changes; {summary(drift)}" if drift else "nothing changes"
        return summary(self.changes) or "outputs change"


def outputs_of(found: Mapping[str, Any]) -> Outputs:
    """The outputs as Terraform gives them; those not known yet are left out.

    A sensitive output that is no text becomes its JSON, and one that is null none.
    """
    known = {name: each for name, each in found.items() if "value" in each}
    hidden = {n: e["value"] for n, e in known.items() if e.get("sensitive")}
    return Outputs(
        {name: each["value"] for name, each in known.items() if not each.get("sensitive")},
        {name: as_secret(value) for name, value in hidden.items() if value is not None},
    )


def file_hash(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits; empty if it is not there."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def as_secret(value: Any) -> Secret:
    """A value that is to be hidden: text as it is, anything else as its JSON."""
    return Secret(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
