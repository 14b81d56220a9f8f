"""What a command answers: one value, shown to people as text and to programs as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dogctl.errors import ExitCode

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Fields:
    """Names with their values, one per line."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Text:
    """A sentence or a block of lines."""

    text: str


@dataclass(frozen=True)
class Changes:
    """What changes, a line each, which begins with its mark: + made, ~ changed, - removed."""

    lines: tuple[str, ...]


Block = Fields | Table | Text | Changes


@dataclass(frozen=True)
class Answer:
    """The result of a command.

    Args:
        data: the answer for programs; JSON types only.
        blocks: the same answer for people.
        exit_code: what the process exits with.
        summary: whether it is worth to be kept beside the run, where a CI system has such a place.
        outputs: what the steps to come of a CI system's run may use, by name.
    """

    data: Json
    blocks: tuple[Block, ...] = ()
    exit_code: int = field(default=ExitCode.DONE)
    summary: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def lines(cls, data: Json, lines: Iterable[str]) -> Answer:
        """An answer whose text is printed as it is, line by line."""
        return cls(data, tuple(Text(line) for line in lines))
