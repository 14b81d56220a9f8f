"""A string that does not print itself."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Secret:
    """A secret setting. `reveal()` is the only way to its text; an empty text counts as unset."""

    _text: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __str__(self) -> str:
        return "set" if self._text else "unset"

    def reveal(self) -> str:
        """The text itself, for a driver or a comparison; never for a log or an answer."""
        return self._text
