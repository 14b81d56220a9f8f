"""What Terraform says while it works, one JSON object per line.

https://developer.hashicorp.com/terraform/internals/machine-readable-ui
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

# What it does to a resource: while it does, and once it is done.
_VERBS = {
    "create": ("creating", "created"),
    "update": ("changing", "changed"),
    "delete": ("destroying", "destroyed"),
    "read": ("reading", "read"),
    "replace": ("replacing", "replaced"),
}


@dataclass(frozen=True)
class Diagnostic:
    """What Terraform complains of.

    Args:
        address: the resource it is about, if it is about one.
        where: file:line of the configuration, if it is about that.
    """

    summary: str
    detail: str = ""
    address: str | None = None
    where: str | None = None

    @property
    def text(self) -> str:
        return f"{self.summary}\n{self.detail}"

    def lines(self) -> list[str]:
        """All of it, for people."""
        at = next((f"{each}: " for each in (self.address, self.where) if each), "")
        # What comes then is the answer of an API of Google's once more, as JSON.
        said = takewhile(lambda line: line != "Details:", self.text.splitlines())
        lines = [line.strip() for line in said]
        first, *others = [line for line in lines if line] or ["no reason given"]
        return [f"{at}{first}", *others]


@dataclass(frozen=True)
class Done:
    """What was done to a resource, and how long that took in seconds."""

    address: str
    action: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.address} {_verb(self.action)[1]} in {self.seconds:.0f} s"


@dataclass
class Transcript:
    """All that Terraform has said in one run.

    Args:
        errors: what it complains of.
        done: what it has done to resources, in order.
        failed: the addresses of what it could not do.
        under_way: what it is doing, or has begun and said nothing more of, by address.
        looked_at: how many resources it has looked at.
        other: lines that are no JSON.
    """

    errors: list[Diagnostic] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    under_way: dict[str, str] = field(default_factory=dict)
    looked_at: int = 0
    other: list[str] = field(default_factory=list)

    def hear(self, line: str) -> Heard | None:
        """Take a line in, and answer what it means for people, if anything."""
        event = _parse(line)
        if event is None:
            self.other += [line] if line.strip() else []
            return None
        hook = event.get("hook") or {}
        address = (hook.get("resource") or {}).get("addr", "")
        match event.get("type"):
            case "diagnostic":
                self._complaint(event["diagnostic"])
            case "refresh_complete":
                self.looked_at += 1
                return Heard(f"{self.looked_at} resources looked at", passing=True)
            case "apply_start" | "apply_progress":
                seconds = hook.get("elapsed_seconds", 0)
                so_far = f" for {seconds:.0f} s" if seconds else ""
                self.under_way[address] = f"{_verb(hook['action'])[0]} {address}{so_far}"
                return Heard(", ".join(self.under_way.values()), passing=True)
            case "apply_complete":
                self.under_way.pop(address, None)
                self.done.append(Done(address, hook["action"], hook.get("elapsed_seconds", 0)))
                return Heard(str(self.done[-1]))
            case "apply_errored":
                self.under_way.pop(address, None)
                self.failed.append(address)
                return Heard(f"{address} failed")
        return None

    def _complaint(self, said: Mapping[str, Any]) -> None:
        if said.get("severity") != "error":
            return
        place = said.get("range") or {}
        line = place.get("start", {}).get("line")
        self.errors.append(
            Diagnostic(
                said.get("summary", ""),
                said.get("detail", ""),
                said.get("address"),
                f"{place['filename']}:{line}" if place.get("filename") and line else None,
            )
        )


@dataclass(frozen=True)
class Heard:
    """A line for people; a `passing` one is worth a look, and no line in a log."""

    text: str
    passing: bool = False


def _verb(action: str) -> tuple[str, str]:
    return _VERBS.get(action, (f"{action}:", f"{action} done"))


def _parse(line: str) -> Mapping[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
