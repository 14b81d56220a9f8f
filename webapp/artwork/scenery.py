"""What stands behind and around the dogs."""

import math

from webapp.artwork.motion import scattered
from webapp.artwork.pen import HEIGHT, TURN, WIDTH, Pen, mix, smooth


def shadow(pen: Pen, x: float, y: float, rx: float, colour: str) -> None:
    pen.ellipse(x, y, rx, rx * 0.13, colour)


def hill(pen: Pen, top: float, colour: str, *, lean: float = 0) -> None:
    """Land from the wavy line at height `top` down to the lower edge."""
    points = [
        (-60.0, top + 10),
        (90.0, top - lean),
        (250.0, top + 6),
        (400.0, top + lean),
        (540.0, top),
    ]
    pen.polygon([*_line(points), (540, HEIGHT + 40), (-60, HEIGHT + 40)], colour)


def sun(pen: Pen, x: float, y: float, radius: float, turn: float, colour: str) -> None:
    """A disc with twelve rays; `turn` in degrees."""
    for i in range(12):
        ray = pen.at(x, y, turn + i * 30)
        ray.stroke([(radius * 1.3, 0), (radius * 1.62, 0)], radius * 0.14, colour)
    pen.circle(x, y, radius, colour)


def cloud(pen: Pen, x: float, y: float, scale: float, colour: str) -> None:
    local = pen.at(x, y, scale=scale)
    for cx, cy, radius in ((-34, 0, 18), (-10, -13, 25), (20, -6, 21), (42, 3, 14)):
        local.circle(cx, cy, radius, colour)
    local.stroke([(-36, 8), (0, 8), (44, 8)], 20, colour)


def tree(pen: Pen, x: float, y: float, scale: float, leaves: str) -> None:
    local = pen.at(x, y, scale=scale)
    local.stroke([(0, 0), (0, -60)], 13, "#8a5a3c", 9)
    for cx, cy, radius in ((-22, -72, 28), (20, -70, 26), (0, -100, 32)):
        local.circle(cx, cy, radius, leaves)
    local.circle(-8, -108, 16, mix(leaves, "#ffffff", 0.16))


def fir(pen: Pen, x: float, y: float, scale: float, leaves: str) -> None:
    local = pen.at(x, y, scale=scale)
    local.box(-5, -14, 10, 16, mix(leaves, "#4a2c1e", 0.5))
    for base, half, top in ((-10, 34, -58), (-40, 27, -82), (-66, 20, -104)):
        local.polygon([(-half, base), (half, base), (0, top)], leaves)


def flower(pen: Pen, x: float, y: float, colour: str, sway: float) -> None:
    """A flower on its stalk; `sway` in degrees."""
    local = pen.at(x, y, sway)
    local.stroke([(0, 0), (0, -18)], 2.5, "#4f9a5b")
    for i in range(5):
        local.at(0, -21, i * 72).circle(0, -5, 4, colour)
    local.circle(0, -21, 3.2, "#ffd95e")


def grass(pen: Pen, x: float, y: float, colour: str, sway: float) -> None:
    for lean in (-7, 0, 7):
        pen.stroke([(x + lean * 0.3, y), (x + lean + sway, y - 14 + abs(lean) * 0.5)], 4, colour, 1)


def rain(pen: Pen, t: float, count: int, colour: str) -> None:
    """Slanted drops; every one falls a whole number of screens per loop."""
    for n in range(count):
        u, v = scattered(n)
        y = (v + t * (2 + n % 2)) % 1 * (HEIGHT + 40) - 20
        x = u * (WIDTH + 60) - 20 - y * 0.12
        pen.stroke([(x, y), (x - 2.4, y + 18)], 2.6, colour, 2)


def snow(pen: Pen, t: float, count: int, colour: str) -> None:
    for n in range(count):
        u, v = scattered(n)
        y = (v + t) % 1 * (HEIGHT + 20) - 10
        pen.circle(u * WIDTH + 10 * _sway(t, n), y, 2 + n % 3, colour)


def confetti(pen: Pen, t: float, count: int, colours: tuple[str, ...]) -> None:
    for n in range(count):
        u, v = scattered(n)
        y = (v + t) % 1 * (HEIGHT + 30) - 15
        piece = pen.at(u * WIDTH + 8 * _sway(t, n), y, 360 * t * (1 + n % 2) + n * 47)
        piece.box(-5, -3, 10, 6, colours[n % len(colours)])


def star(pen: Pen, x: float, y: float, radius: float, colour: str) -> None:
    """A small four-pointed star."""
    waist = radius * 0.24
    corners = [(0, -radius), (waist, -waist), (radius, 0), (waist, waist),
               (0, radius), (-waist, waist), (-radius, 0), (-waist, -waist)]  # fmt: skip
    pen.at(x, y).polygon([(float(cx), float(cy)) for cx, cy in corners], colour)


def _sway(t: float, n: int) -> float:
    return math.sin(TURN * (t + n * 0.37))


def _line(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return smooth(points, closed=False)
