"""Pages whose only changing part is a number: rendered once, filled in per visit.

A template may print the number and format it (`{{ visitor }}`, `{{ "{:,}".format(visitor) }}`),
nothing else: comparing or calculating with it is an error at the first rendering.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Characters of the private use area, which no template and no picture's name contains.
_OPEN, _CLOSE = "\ue000", "\ue001"
_BLANK = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


class _Blank:
    """Stands for the number in a template, and leaves a mark for each way it is printed."""

    def __format__(self, spec: str) -> str:
        return f"{_OPEN}{spec}{_CLOSE}"

    def __str__(self) -> str:
        return format(self, "")

    __html__ = __str__


class NumberedPage:
    """A rendered page with blanks for a number. `render` renders it with what it is given."""

    def __init__(self, render: Callable[[object], str]) -> None:
        # Every second part is a format: "before", ",", "between", "", "after".
        self._first, *rest = _BLANK.split(render(_Blank()))
        self._rest = list(zip(rest[::2], rest[1::2], strict=True))

    def fill(self, number: int) -> str:
        """The page with the number in it."""
        parts = [self._first]
        for spec, text in self._rest:
            parts += (format(number, spec), text)
        return "".join(parts)
