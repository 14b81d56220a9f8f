"""What a telescope shows: each function paints one moment of one picture."""

import math

from webapp.artwork import scenery
from webapp.artwork.breeds import Breed
from webapp.artwork.motion import between, ease, pulse, scattered, wave
from webapp.artwork.pen import TURN, Pen, Point, mix
from webapp.artwork.stars import CREAM, GOLD, field, glow
from webapp.artwork.walking import Pose, draw_walking

# A dog of stars: which of its stars are joined. The bright one on its chest is Sirius.
DOG_STARS: tuple[Point, ...] = (
    (286, 166), (352, 84), (296, 58), (268, 112), (152, 206), (96, 140), (128, 262), (172, 312),
    (362, 202),
    (322, 258), (234, 190),
)  # fmt: skip
DOG_LINES = (
    (1, 2),
    (2, 3),
    (3, 0),
    (0, 1),
    (0, 8),
    (0, 9),
    (0, 10),
    (10, 4),
    (4, 5),
    (4, 6),
    (4, 7),
    (3, 4),
)


def great_dog_constellation(pen: Pen, t: float) -> None:
    ground = "#12204a"
    field(pen, t, 52, ground)
    shown = ease(t, 0.5, 0.64) - ease(t, 0.9, 1)
    if shown > 0:
        _dog_of_sky(pen, mix(ground, "#2c468c", shown), mix(ground, "#243a78", shown))
    fade = 1 - ease(t, 0.92, 1)
    for n, (one, other) in enumerate(DOG_LINES):
        drawn = ease(t, 0.04 + n * 0.04, 0.1 + n * 0.04)
        if drawn > 0 and fade > 0.02:
            start, end = DOG_STARS[one], DOG_STARS[other]
            pen.stroke([start, between(start, end, drawn)], 2.6, mix(ground, "#9fb8f2", fade))
    for n, (x, y) in enumerate(DOG_STARS):
        size = (22 if n == 0 else 12) + 3 * wave(t, 2, n / 10)
        scenery.star(pen, x, y, size, CREAM)
        pen.circle(x, y, size * 0.3, "#ffffff")


def _dog_of_sky(pen: Pen, colour: str, ears: str) -> None:
    breed = Breed(
        colour, colour, ears, "floppy", "thin", colour, muzzle=18, length=80, legs=70, depth=58
    )
    leap = Pose(
        (44, 46), (64, 74), (-24, 4), (6, 0), pitch=-24, rise=24, neck=(34, -44), head=2, shut=True
    )
    draw_walking(pen.at(216, 318, scale=0.98), breed, leap)


def spiral_galaxy(pen: Pen, t: float) -> None:
    ground = "#0f1030"
    field(pen, 0, 40, ground)
    disc = pen.at(240, 180, -24, squash=0.52)
    for n, radius in enumerate((196, 160, 122)):
        disc.circle(0, 0, radius, mix(ground, "#3a2f7d", 0.22 + 0.18 * n))
    turning = disc.at(0, 0, -120 * t)  # three arms: a third of a turn looks like the start
    for arm in range(3):
        _arm(turning.at(0, 0, arm * 120))
    for radius, colour in ((58, "#a9639c"), (46, "#d98a94"), (33, "#f6c18e"), (20, "#fff0cf")):
        disc.circle(0, 0, radius, colour)


def _arm(pen: Pen) -> None:
    path = [_spiral(s / 10) for s in range(11)]
    pen.stroke(path, 56, "#4a3d97", 14)
    pen.stroke(path, 34, "#6a55b4", 6)
    pen.stroke(path[:9], 15, "#a47fca", 3)
    for n in range(13):
        u, v = scattered(n)
        x, y = _spiral(u)
        away = (v - 0.5) * 44
        colour = ("#ffffff", "#ffd9a8", "#bcd4ff", "#ff9fb8")[n % 4]
        pen.circle(x + away, y + away * 0.6, 2.2 + 2.2 * (n % 3) * 0.5, colour)


def _spiral(share: float) -> Point:
    radius, angle = 34 * math.exp(1.7 * share), 3.9 * share
    return radius * math.cos(angle), radius * math.sin(angle)


def pulsar(pen: Pen, t: float) -> None:
    """A star that turns like a lighthouse; half a turn looks like the start."""
    ground = "#0d1230"
    field(pen, 0, 44, ground)
    centre = pen.at(240, 180)
    for n, colour in enumerate(("#1a2552", "#243469", "#314684")):
        for sign in (-1, 1):
            size = 1.5 - 0.42 * n
            centre.at(0, 0, 22).arc(sign * 70 * size, 0, 66 * size, 92 * size, 0, 360, 2.4, colour)
    for side in (0, 180):
        beam = centre.at(0, 0, side + 180 * t, squash=0.5 + 0.5 * pulse(t))
        for width, colour in ((66, "#223a80"), (40, "#3f66c0"), (17, "#a9ccff")):
            beam.polygon([(0, -5), (420, -width), (420, width), (0, 5)], colour)
    flash = pulse(t)
    glow(centre, 60 + 14 * flash, "#7fa6f5", "#24397c", 4)
    centre.circle(0, 0, 24, "#cfe4ff")
    centre.circle(0, 0, 14 + 4 * flash, "#ffffff")


def binary_stars(pen: Pen, t: float) -> None:
    ground = "#1b1033"
    field(pen, 0, 44, ground)
    for radius in (1.0, 0.62):
        for n in range(48):
            angle = TURN * n / 48
            pen.circle(
                240 + 158 * radius * math.cos(angle),
                180 + 62 * radius * math.sin(angle),
                1.3,
                "#5a3d7c",
            )
    angle = TURN * t
    red = (240 + 98 * math.cos(angle), 180 + 38 * math.sin(angle))
    blue = (240 - 158 * math.cos(angle), 180 - 62 * math.sin(angle))
    far_first = sorted(((red[1], "red"), (blue[1], "blue")))
    _stream(pen, red, blue, t)
    for _, which in far_first:
        if which == "red":
            _sun(
                pen.at(*red, scale=1 + 0.16 * math.sin(angle)),
                54,
                ("#4a1f45", "#8c3340", "#ef7f4a", "#ffb066"),
                t,
            )
        else:
            _sun(
                pen.at(*blue, scale=1 - 0.2 * math.sin(angle)),
                34,
                ("#2b2a63", "#3e5aa8", "#8fc2ff", "#e6f3ff"),
                t,
            )


def _sun(pen: Pen, radius: float, colours: tuple[str, str, str, str], t: float) -> None:
    halo, corona, body, heart = colours
    pen.circle(0, 0, radius * 1.5, halo)
    waves = [
        (reach * math.cos(a), reach * math.sin(a))
        for n in range(40)
        for a in (TURN * n / 40,)
        for reach in (radius * (1.2 + 0.05 * wave(t, 2, n * 0.2)),)
    ]
    pen.blob(waves, corona)
    pen.circle(0, 0, radius, body)
    pen.circle(-radius * 0.22, -radius * 0.24, radius * 0.62, heart)


def _stream(pen: Pen, start: Point, end: Point, t: float) -> None:
    """Gas that falls from the large star to the small one."""
    for n in range(14):
        share = (t * 2 + n / 14) % 1
        x, y = between(start, end, share)
        pen.circle(
            x, y + 18 * math.sin(math.pi * share), 7 - 5 * share, mix("#ef7f4a", "#8fc2ff", share)
        )


def nebula(pen: Pen, t: float) -> None:
    """A still picture: clouds of gas around young stars."""
    ground = "#140f2e"
    field(pen, t, 60, ground)
    layers = (
        ("#2a1b52", 150),
        ("#43236c", 122),
        ("#6e2f83", 98),
        ("#a8417f", 74),
        ("#d9646f", 52),
        ("#f39a6b", 32),
    )
    for n, (colour, size) in enumerate(layers):
        _billow(pen.at(238, 184, -16 + 7 * n), size, colour, n)
    for n, (x, y, colour) in enumerate(
        ((128, 120, "#2f6f8f"), (352, 246, "#2a6a8c"), (364, 138, "#3a4f96"))
    ):
        _billow(pen.at(x, y, 30 * n), 34, colour, n + 7)
        _billow(pen.at(x, y, 30 * n + 12), 19, mix(colour, "#9fe3e8", 0.45), n + 9)
    for x, y, size in ((236, 166, 34), (300, 200, 20), (176, 150, 22), (270, 118, 15),
        (214, 206, 12), (352, 138, 16),
                       (128, 118, 15)):  # fmt: skip
        scenery.star(pen, x, y, size, "#ffe7c2")
        pen.circle(x, y, size * 0.22, "#ffffff")


def _billow(pen: Pen, size: float, colour: str, seed: int) -> None:
    for n in range(15):
        u, v = scattered(n + seed * 13)
        angle, reach = TURN * n / 15, size * (0.5 + 0.55 * u)
        pen.circle(
            1.35 * reach * math.cos(angle),
            reach * 0.8 * math.sin(angle),
            size * (0.3 + 0.26 * v),
            colour,
        )
    pen.ellipse(0, 0, size * 1.0, size * 0.66, colour)


def supernova(pen: Pen, t: float) -> None:
    ground = "#160f33"
    field(pen, 0, 44, ground)
    centre = pen.at(240, 180)
    for n in range(2):
        age = (t + n / 2) % 1
        colour = mix(("#f2785c", "#c2508f")[n], ground, age**1.5)
        centre.arc(0, 0, 30 + 230 * age, 30 + 230 * age, 0, 360, 1 + 13 * (1 - age), colour)
    for n in range(26):
        u, v = scattered(n)
        age = (t + u) % 1
        spark = centre.at(0, 0, n * 137.5)
        far = 26 + (150 + 90 * v) * age
        spark.stroke(
            [(far, 0), (far + 16 * (1 - age), 0)],
            5.5 * (1 - age) + 0.5,
            (GOLD, CREAM, "#ff9d7a")[n % 3],
        )
    flash = pulse(t, 2)
    glow(centre, 64, "#ffb35e", "#6b2c5e", 5)
    scenery.star(centre.at(0, 0, 45), 0, 0, 50 + 6 * flash, "#ffd88a")
    scenery.star(centre, 0, 0, 88 + 8 * flash, CREAM)
    centre.circle(0, 0, 19, "#ffffff")
