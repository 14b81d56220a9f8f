"""Stars as characters and lights: each function paints one moment of one picture."""

import math

from webapp.artwork import breeds, scenery
from webapp.artwork.breeds import INK
from webapp.artwork.face import PINK, Mood
from webapp.artwork.motion import between, blink, bump, ease, pulse, scattered, wave
from webapp.artwork.pen import HEIGHT, WIDTH, Pen, Point, mix, smooth
from webapp.artwork.sitting import draw_sitting

GOLD = "#ffd45e"
CREAM = "#fff3c9"


def field(pen: Pen, t: float, count: int, ground: str, height: float = HEIGHT) -> None:
    """Small stars that twinkle, on a sky of the given colour."""
    for n in range(count):
        u, v = scattered(n + 7 * count)
        glow = 0.65 + 0.35 * wave(t, 1 + n % 2, n * 0.29)
        colour = mix(ground, ("#ffffff", "#ffe9b8", "#cfe0ff")[n % 3], 0.45 + 0.5 * glow)
        if n % 4 == 0:
            scenery.star(pen, u * WIDTH, v * height, 3.5 + 3.5 * glow, colour)
        else:
            pen.circle(u * WIDTH, v * height, 0.8 + 0.7 * (n % 3) * 0.7, colour)


def glow(pen: Pen, radius: float, inner: str, outer: str, rings: int = 5) -> None:
    """Discs from a wide one in the colour of the sky to a small bright one."""
    for i in range(rings):
        share = i / rings
        pen.circle(0, 0, radius * (1 - share * 0.8), mix(outer, inner, share**1.4))


def five_points(radius: float, waist: float) -> list[Point]:
    corners = []
    for i in range(10):
        angle, reach = math.radians(i * 36 - 90), waist if i % 2 else radius
        corners.append((reach * math.cos(angle), reach * math.sin(angle)))
    return corners


def twinkling_star(pen: Pen, t: float) -> None:
    ground = "#171a45"
    field(pen, t, 46, ground)
    bright = pulse(t, 2)
    centre = pen.at(240, 180)
    glow(centre, 158, "#5a58b8", mix(ground, "#2b2d6e", 0.5), 6)
    turned = centre.at(0, 0, 45)
    scenery.star(turned, 0, 0, 66 + 12 * pulse(t, 2, 0.5), "#f5b84a")
    scenery.star(centre, 0, 0, 128 + 16 * bright, GOLD)
    scenery.star(centre, 0, 0, 84 + 10 * bright, CREAM)
    centre.circle(0, 0, 20 + 3 * bright, "#ffffff")
    for n, (x, y) in enumerate(((92, 84), (392, 96), (372, 292), (108, 270))):
        shine = max(0.0, wave(t, 1, n / 4))
        scenery.star(pen, x, y, 6 + 20 * shine, CREAM)


def shooting_star(pen: Pen, t: float) -> None:
    ground = "#1d2a5e"
    pen.box(0, 150, WIDTH, 110, "#2d3c7d")
    pen.box(0, 206, WIDTH, 60, "#47509a")
    field(pen, t, 44, ground, 220)
    flight = ease(t, 0.1, 0.62)
    if 0.1 < t < 0.72:
        _meteor(pen, (-60, -20), (560, 190), flight, 1.0)
    if 0.5 < t < 0.95:
        _meteor(pen, (120, -30), (560, 90), ease(t, 0.5, 0.95), 0.5)
    pen.polygon([(-20, 268), (70, 190), (120, 226), (196, 166), (300, 262)], "#3a3f80")
    pen.polygon([(220, 266), (330, 196), (388, 232), (440, 204), (520, 266)], "#32376f")
    pen.box(0, 260, WIDTH, 100, "#26306a")
    for n in range(9):
        y = 272 + n * 9
        x = 1.0 * (n * 137 % 420) + 14 * wave(t, 1, n / 9)
        pen.stroke([(x, y), (x + 36 + n * 3, y)], 2.4, "#3f4b8f")
    if 0.1 < t < 0.72:
        _meteor(pen.at(0, 440, squash=-0.9), (-60, 0), (560, 170), flight, 0.35)
    pen.blob([(-30, 372), (-20, 318), (70, 322), (150, 350), (190, 380)], "#151b40")
    for x, y, scale in ((24, 338, 1.1), (78, 346, 0.8)):
        scenery.fir(pen, x, y, scale, "#10163a")


def _meteor(pen: Pen, start: Point, end: Point, share: float, scale: float) -> None:
    head = between(start, end, share)
    for width, length, colour in ((13, 0.34, "#5967b3"), (9, 0.26, "#98a2dd"), (5, 0.18, CREAM)):
        tail = between(start, end, max(0.0, share - length * (0.4 + share)))
        pen.stroke([head, tail], width * scale, colour, 0.6)
    pen.at(*head, 20).polygon(five_points(17 * scale, 8 * scale), GOLD)


def smiling_star(pen: Pen, t: float) -> None:
    field(pen, t, 30, "#2b2566")
    for n, colour in enumerate(("#352e7a", "#40388d")):
        pen.circle(240, 186, 158 - n * 34, colour)
    jump = pulse(t, 2)
    pen.ellipse(240, 326, 74 - 22 * jump, 9 - 3 * jump, "#211b52")
    body = pen.at(240, 196 - 26 * jump, 6 * wave(t, 1), 1, 0.95 + 0.07 * jump)
    for side, phase in ((body, 0.0), (body.mirrored(), 0.25)):
        side.stroke([(26, 66), (30, 94), (34 + 4 * jump, 112)], 13, "#e9a83a")
        side.ellipse(40, 114, 17, 10, "#d6663f")
        hand = side.at(84, -14, -28 * pulse(t, 4, phase))
        hand.stroke([(0, 0), (26, -10), (44, -34)], 13, "#e9a83a")
        hand.circle(46, -38, 12, "#fff6df")
    body.polygon(_plump(118, 66), "#f2b23e")
    body.at(0, -3, scale=0.9).polygon(_plump(118, 66), GOLD)
    body.blob([(-18, -62), (-4, -88), (4, -84), (0, -60), (-14, -48)], "#ffe9a8")
    _star_face(body, t)
    for n in range(4):
        spark = max(0.0, wave(t, 2, n / 4))
        scenery.star(pen, (76, 404, 120, 372)[n], (110, 118, 282, 276)[n], 16 * spark + 2, CREAM)


def _plump(radius: float, waist: float) -> list[Point]:
    """A five-pointed star with its points rounded off."""
    sharp = five_points(radius, waist)
    rounded = []
    for i, corner in enumerate(sharp):
        before, after = sharp[i - 1], sharp[(i + 1) % 10]
        if i % 2:
            rounded.append(corner)
        else:
            rounded += [between(corner, before, 0.24), between(corner, after, 0.24)]
    return smooth(rounded, closed=True)


def _star_face(pen: Pen, t: float) -> None:
    shut = blink(t, 0.2, 0.26, 0.7)
    for x in (-24, 24):
        if shut:
            pen.arc(x, -8, 10, 9, 20, 160, 4.5, INK)
        else:
            pen.ellipse(x, -8, 9, 12, INK)
            pen.circle(x + 3, -12, 3.6, "#ffffff")
        pen.ellipse(x * 1.9, 14, 11, 7, "#f79d6b")
    pen.blob([(-18, 12), (0, 15), (18, 12), (12, 28), (0, 34), (-12, 28)], "#7a2530")
    pen.ellipse(0, 28, 9, 5, PINK)


def starry_hills(pen: Pen, t: float) -> None:
    ground = "#16204a"
    for n in range(9):
        pen.box(0, 80 + 19 * n, WIDTH, HEIGHT, mix(ground, "#46559a", (n + 1) / 10))
    _milky_way(pen, ground)
    field(pen, t, 70, ground, 236)
    scenery.hill(pen, 236, "#24336b", lean=16)
    scenery.hill(pen, 268, "#1b2857", lean=-18)
    for x, y, scale in ((40, 296, 0.9), (78, 292, 1.2), (112, 294, 0.7), (446, 300, 1.0)):
        scenery.fir(pen, x, y, scale, "#131d44")
    scenery.hill(pen, 304, "#121a3d", lean=10)
    _cottage(pen.at(344, 296), t)
    for n in range(9):
        u, v = scattered(n + 11)
        firefly = (u * 300 + 20 + 16 * wave(t, 1, n / 9), 262 + 74 * v + 8 * wave(t, 1, n / 5))
        lit = pulse(t, 1, n * 0.37)
        pen.circle(*firefly, 1.2 + 1.8 * lit, mix("#23305c", "#e6f59a", lit))


def _milky_way(pen: Pen, ground: str) -> None:
    for layer, share in enumerate((0.16, 0.26, 0.38)):
        for n in range(34):
            u, v = scattered(n + 40 * layer)
            x, size = n * 15 - 10, 40 - 13 * layer
            y = 176 - x * 0.34 + size * 1.3 * (v - 0.5)
            pen.circle(x, y, size * (0.5 + 0.5 * u), mix(ground, "#7d7cc4", share))


def _cottage(pen: Pen, t: float) -> None:
    pen.box(22, -78, 14, 34, "#2a2340")
    for n in range(3):
        age = (t + n / 3) % 1
        pen.circle(
            30 + 18 * age + 5 * wave(age),
            -86 - 60 * age,
            5 + 7 * age,
            mix("#56618f", "#2d3c74", age),
        )
    pen.box(-44, -38, 88, 46, "#3b2f55")
    pen.polygon([(-56, -36), (56, -36), (34, -72), (-34, -72)], "#231c38")
    lit = mix("#ffcf6b", "#ffe3a0", pulse(t, 3))
    pen.box(-30, -26, 20, 18, lit)
    pen.box(8, -26, 20, 34, "#5d4636")
    pen.box(-21, -26, 2, 18, "#3b2f55")


def fishing_for_stars(pen: Pen, t: float) -> None:
    ground = "#232a63"
    field(pen, t, 42, ground)
    swing = wave(t)
    glow(pen.at(196, 176), 150, "#3d4690", "#292f6c", 3)
    pen.at(196, 176).blob(
        [(-18, -118), (-86, -78), (-114, 0), (-88, 78), (-10, 116), (72, 96), (112, 40), (46, 66),
         (-22, 50), (-58, 4), (-54, -62)], "#ffe08f")  # fmt: skip
    for x, y, radius in ((112, 206, 12), (150, 256, 9), (104, 150, 7), (212, 264, 11)):
        pen.circle(x, y, radius, "#f2c866")
    content = Mood(
        "shut" if blink(t, 0.36, 0.82) else "open", mouth=0.4, look=(4, 3), ears=3 * swing
    )
    pup = pen.at(214, 236, scale=0.62)
    draw_sitting(pup, breeds.PUPPY, content, wag=20 * wave(t, 3), tilt=4 * swing)
    rod_tip = (352.0, 74 + 3 * swing)
    pen.stroke([(224, 190), (282, 134), rod_tip], 6, "#8a5a3c", 3)
    pup.stroke([(24, -78), (36, -76), (44, -72)], 24, breeds.PUPPY.coat)
    catch = (rod_tip[0] + 16 * swing, 226 - 26 * bump(t, 0.4, 0.5, 0.56, 0.72))
    pen.stroke([rod_tip, ((rod_tip[0] + catch[0]) / 2 + 3 * swing, 160), catch], 2, "#e8ebff")
    bait = pen.at(*catch, 10 * wave(t, 1, 0.1))
    glow(bait.at(0, 26), 42, "#6f6a98", "#3a407c", 2)
    bait.at(0, 26).polygon(_plump(27, 14), GOLD)
    for x in (-7, 7):
        bait.circle(x, 25, 2.4, INK)
    bait.arc(0, 29, 5, 4, 20, 160, 2, INK)
