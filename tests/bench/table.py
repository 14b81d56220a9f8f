"""What `make bench` prints: sections with a title, and rows with a unit and a goal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One figure; `goal` is empty where the figure is only there to compare with."""

    name: str
    value: float
    unit: str
    goal: str = ""

    def __str__(self) -> str:
        digits = 0 if self.value >= 100 else 2
        figure = f"{self.value:,.{digits}f} {self.unit}"
        return f"  {self.name:44} {figure:>12}   {self.goal}".rstrip()


def show(title: str, rows: Iterable[Row]) -> None:
    """Print a section, each row as soon as it is measured."""
    print(f"\n{title}\n  {'':44} {'measured':>12}   goal", flush=True)
    for row in rows:
        print(row, flush=True)
