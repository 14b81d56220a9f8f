"""A pen that draws smooth flat shapes in a coordinate system of its own.

Everything is drawn three times too large and reduced afterwards, which is what smooths the edges.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]

WIDTH, HEIGHT = 480, 360
OVERSAMPLING = 3
TURN = math.tau


@dataclass(frozen=True)
class Pen:
    """Draws in local coordinates; `matrix` takes them to the pixels of the large canvas."""

    draw: ImageDraw.ImageDraw
    matrix: Matrix

    def at(
        self, x: float, y: float, degrees: float = 0, scale: float = 1, squash: float = 1
    ) -> "Pen":
        """The same pen with its origin at (x, y), turned clockwise, scaled, squashed in height."""
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        tall = scale * squash
        local = (cos * scale, sin * scale, -sin * tall, cos * tall, x, y)
        return Pen(self.draw, _product(self.matrix, local))

    def mirrored(self) -> "Pen":
        return Pen(self.draw, _product(self.matrix, (-1, 0, 0, 1, 0, 0)))

    @property
    def origin(self) -> Point:
        """Where (0, 0) is, in pixels of the final picture."""
        return self.matrix[4] / OVERSAMPLING, self.matrix[5] / OVERSAMPLING

    def polygon(self, points: Sequence[Point], fill: str) -> None:
        self.draw.polygon([_apply(self.matrix, point) for point in points], fill=fill)

    def blob(self, points: Sequence[Point], fill: str) -> None:
        """A closed shape that runs smoothly through the given points."""
        self.polygon(smooth(points, closed=True), fill)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, fill: str, degrees: float = 0
    ) -> None:
        self.at(x, y, degrees).polygon(_ring(rx, ry), fill)

    def circle(self, x: float, y: float, radius: float, fill: str) -> None:
        self.ellipse(x, y, radius, radius, fill)

    def box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], fill)

    def stroke(
        self, points: Sequence[Point], width: float, fill: str, end_width: float | None = None
    ) -> None:
        """A smooth line with round ends; it narrows or widens towards `end_width`."""
        path = smooth(points, closed=False)
        last = width if end_width is None else end_width
        radii = [(width + (last - width) * i / (len(path) - 1)) / 2 for i in range(len(path))]
        for (x, y), radius in zip(path, radii, strict=True):
            self.polygon(_ring(radius, radius, x, y), fill)
        for i in range(len(path) - 1):
            self.polygon(_segment(path[i], path[i + 1], radii[i], radii[i + 1]), fill)

    def arc(  # an arc is told by its centre, radii and two angles
        self, x: float, y: float, rx: float, ry: float, start: float, end: float, width: float,
        fill: str,
    ) -> None:  # fmt: skip
        """Part of an ellipse's line, from `start` to `end` degrees (clockwise, 0 is the right)."""
        parts = max(8, round(abs(end - start) / 12))
        angles = [math.radians(start + (end - start) * i / parts) for i in range(parts + 1)]
        self.stroke([(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles], width, fill)


def canvas(ground: str) -> tuple[Image.Image, Pen]:
    """An empty large canvas, and a pen whose units are pixels of the final picture."""
    image = Image.new("RGB", (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING), ground)
    return image, Pen(ImageDraw.Draw(image), (OVERSAMPLING, 0, 0, OVERSAMPLING, 0, 0))


def smooth(points: Sequence[Point], *, closed: bool, steps: int = 8) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    count = len(points)
    if closed:
        return [
            _curve([points[(i + k) % count] for k in (-1, 0, 1, 2)], s / steps)
            for i in range(count)
            for s in range(steps)
        ]
    padded = [points[0], *points, points[-1]]
    inner = [_curve(padded[i : i + 4], s / steps) for i in range(count - 1) for s in range(steps)]
    return [*inner, points[-1]]


def mix(one: str, other: str, share: float) -> str:
    """The colour `share` of the way from one #rrggbb to the other."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _curve(four: Sequence[Point], t: float) -> Point:
    p0, p1, p2, p3 = four
    return _along(p0[0], p1[0], p2[0], p3[0], t), _along(p0[1], p1[1], p2[1], p3[1], t)


def _along(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )


def _ring(rx: float, ry: float, x: float = 0, y: float = 0) -> list[Point]:
    corners = 48 if max(rx, ry) > 12 else 24
    angles = [TURN * i / corners for i in range(corners)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def _segment(start: Point, end: Point, start_radius: float, end_radius: float) -> list[Point]:
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    nx, ny = (y0 - y1) / length, (x1 - x0) / length
    return [
        (x0 + nx * start_radius, y0 + ny * start_radius),
        (x1 + nx * end_radius, y1 + ny * end_radius),
        (x1 - nx * end_radius, y1 - ny * end_radius),
        (x0 - nx * start_radius, y0 - ny * start_radius),
    ]


def _apply(matrix: Matrix, point: Point) -> Point:
    a, b, c, d, e, f = matrix
    x, y = point
    return a * x + c * y + e, b * x + d * y + f


def _product(outer: Matrix, inner: Matrix) -> Matrix:
    a, b, c, d, _, _ = outer
    ia, ib, ic, id_, ie, if_ = inner
    x, y = _apply(outer, (ie, if_))
    return (
        a * ia + c * ib, b * ia + d * ib,
        a * ic + c * id_, b * ic + d * id_,
        x, y,
    )  # fmt: skip
