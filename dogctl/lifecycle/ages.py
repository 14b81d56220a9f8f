"""Times and durations as people read and write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_SECONDS = dict(_UNITS)


def age(then: str | None, now: datetime) -> str:
    """How long ago a time of the API was, in its largest unit: `3m`."""
    if not then:
        return "-"
    seconds = max(0.0, (now - parsed(then)).total_seconds())
    return short(seconds)


def short(seconds: float) -> str:
    """A duration in its largest unit, as kubectl has it: `90s`, `5m`, `3h`, `9d`."""
    # Two of a unit at least, so that it is not off by half.
    unit, size = next(((u, s) for u, s in _UNITS if seconds >= 2 * s), _UNITS[-1])
    return f"{int(seconds // size)}{unit}"


def seconds(text: str) -> int:
    """The seconds that `90s`, `5m`, `1h30m` or a number are. Raises ValueError."""
    if text.isdigit():
        return int(text)
    parts = re.findall(r"([0-9]+)([dhms])", text)
    if not parts or "".join(map("".join, parts)) != text:
        raise ValueError(f"{text!r} is no duration, such as 90s, 5m or 1h30m")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def parsed(time: str) -> datetime:
    """A time of the API, or of ours: ISO 8601."""
    found = datetime.fromisoformat(time)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def local(time: str) -> str:
    """A time as the clock on this machine's wall says it."""
    return parsed(time).astimezone().strftime("%Y-%m-%d %H:%M")
