"""Where things are at a moment of a loop: `t` runs from 0 to 1 and then starts again."""

import math

from webapp.artwork.pen import TURN, Point


def wave(t: float, times: float = 1, offset: float = 0) -> float:
    """Swings between -1 and 1, `times` times per loop."""
    return math.sin(TURN * (t * times + offset))


def pulse(t: float, times: float = 1, offset: float = 0) -> float:
    """Swings between 0 and 1, starting and ending at 0."""
    return (1 - math.cos(TURN * (t * times + offset))) / 2


def ease(t: float, start: float = 0, end: float = 1) -> float:
    """0 before `start`, 1 after `end`, gently in between."""
    share = min(1.0, max(0.0, (t - start) / (end - start)))
    return share * share * (3 - 2 * share)


def bump(t: float, start: float, top: float, hold: float, end: float) -> float:
    """Rises from `start` to `top`, stays at 1 until `hold`, is back at 0 by `end`."""
    return ease(t, start, top) - ease(t, hold, end)


def hop(t: float, start: float, end: float) -> float:
    """A throw between two moments: 0 at both, 1 half way, and 0 outside."""
    share = (t - start) / (end - start)
    return 4 * share * (1 - share) if 0 < share < 1 else 0.0


def blink(t: float, *moments: float) -> bool:
    """Whether the eyes are shut just now."""
    return any(0 <= t - moment < 0.06 for moment in moments)


def between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def scattered(n: int) -> Point:
    """The nth of points spread evenly without a pattern over the unit square (the R2 sequence)."""
    return (0.5 + 0.7548776662 * n) % 1, (0.5 + 0.5698402910 * n) % 1
