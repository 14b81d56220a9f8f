"""Failures on demand, for tests of whatever runs the app."""

from __future__ import annotations

import re
from dataclasses import dataclass

EXEMPT_ROUTES = frozenset(
    {"/healthz", "/ready", "/metrics", "/config", "/config/", "/static/<path:filename>"}
)
"""Routes that `slow` and `error` leave alone: those that tell what is wrong."""


@dataclass(frozen=True)
class Faults:
    """What is to go wrong.

    `slow`: seconds that every request waits first. `error`: the share of requests (0 to 1) that
    get a 500. `unready`, `unhealthy`: what the probes say. `crash`: seconds after which the whole
    server dies at once, workers included, with exit code 70; 0 means never.
    """

    slow: float = 0.0
    error: float = 0.0
    crash: float = 0.0
    unready: bool = False
    unhealthy: bool = False

    def __str__(self) -> str:
        numbers = {"slow": self.slow, "error": self.error, "crash": self.crash}
        flags = {"unready": self.unready, "unhealthy": self.unhealthy}
        return ",".join(
            [f"{name}={value:g}" for name, value in numbers.items() if value]
            + [name for name, value in flags.items() if value]
        )


def parse_faults(text: str) -> Faults:
    """Read `slow=0.5,error=0.1,unready,unhealthy,crash=30`.

    Raises ValueError for an unknown or repeated fault, and for a number out of range.
    """
    values: dict[str, float | bool] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = word.partition("=")
        if name in values:
            raise ValueError(f"names {name!r} twice")
        values[name] = _value(name, number)
    return Faults(**values)  # type: ignore[arg-type]  # _value gives each name its type


def _value(name: str, number: str) -> float | bool:
    if name in {"unready", "unhealthy"} and not number:
        return True
    limits = {"slow": 60.0, "error": 1.0, "crash": 86400.0}
    if name not in limits:
        raise ValueError(f"knows slow=, error=, crash=, unready and unhealthy, not {name!r}")
    if not re.fullmatch(r"\d{1,5}(\.\d{1,6})?", number) or float(number) > limits[name]:
        raise ValueError(f"{name} must be a number from 0 to {limits[name]:g}, not {number!r}")
    return float(number)
