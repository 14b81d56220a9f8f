"""Dogs that sit: each function paints one moment of one picture."""

from webapp.artwork import breeds, scenery
from webapp.artwork.face import Mood, draw_head
from webapp.artwork.motion import blink, bump, ease, hop, pulse, wave
from webapp.artwork.pen import HEIGHT, WIDTH, Pen
from webapp.artwork.sitting import draw_sitting


def wagging_corgi(pen: Pen, t: float) -> None:
    scenery.sun(pen, 402, 66, 30, 30 * t, "#ffd873")
    scenery.cloud(pen, 92, 78, 1, "#ffffff")
    scenery.cloud(pen, 318, 46, 0.6, "#ffffff")
    scenery.hill(pen, 214, "#a9d68c", lean=14)
    scenery.tree(pen, 58, 244, 0.9, "#6fb26a")
    scenery.hill(pen, 262, "#86c373", lean=-8)
    scenery.shadow(pen, 240, 322, 100, "#6fae62")
    happy = Mood("open", mouth=0.8, tongue=0.5 + 0.25 * pulse(t, 2), ears=4 * wave(t))
    draw_sitting(
        pen.at(240, 322, scale=1.12), breeds.CORGI, happy, wag=26 * wave(t, 2) - 10,
        tilt=3 * wave(t), head=(2 * wave(t, 2), 0),
    )  # fmt: skip
    for x, y, colour in ((60, 330, "#ff9bb0"), (112, 344, "#ffffff"), (392, 340, "#ffb15e"),
                         (436, 322, "#ff9bb0"), (350, 350, "#ffffff"),
                         (20, 352, "#ffb15e")):  # fmt: skip
        scenery.flower(pen, x, y, colour, 7 * wave(t, 1, x / 200))


def panting_retriever(pen: Pen, t: float) -> None:
    scenery.sun(pen, 84, 74, 36, 30 * t, "#fff0b0")
    pen.box(0, 176, WIDTH, 80, "#4fb3c8")
    for row, y in enumerate((192, 212, 232)):
        for n in range(5):
            x = n * 110 + row * 50 + 12 * wave(t, 1, row / 3) - 20
            pen.arc(x, y, 18, 6, 200, 340, 3, "#86d0dc")
    _sailboat(pen.at(404, 180 + 2 * wave(t), 3 * wave(t, 1, 0.2)))
    scenery.hill(pen, 252, "#f7dca6", lean=4)
    scenery.shadow(pen, 244, 324, 106, "#e3c184")
    breath = pulse(t, 3)
    warm = Mood("happy", mouth=0.7 + 0.5 * breath, tongue=0.8 + 0.4 * breath, ears=-4 * breath)
    draw_sitting(
        pen.at(244, 324, scale=1.14), breeds.RETRIEVER, warm, wag=14 * wave(t), breath=breath
    )
    _beach_ball(pen.at(400, 316, 6 * wave(t)))


def _sailboat(pen: Pen) -> None:
    pen.polygon([(-2, -8), (-2, -58), (-30, -8)], "#fff7ea")
    pen.polygon([(3, -8), (3, -50), (24, -8)], "#f28c6a")
    pen.polygon([(-32, -4), (30, -4), (20, 9), (-24, 9)], "#8a4b36")


def _beach_ball(pen: Pen) -> None:
    pen.circle(0, 0, 26, "#fffaf0")
    for n, colour in enumerate(("#ef6a5b", "#f9c74f", "#4d9de0")):
        wedge = pen.at(0, 0, n * 120)
        wedge.blob([(0, 0), (10, -12), (9, -24), (0, -26), (-9, -24), (-10, -12)], colour)


def head_tilting_husky(pen: Pen, t: float) -> None:
    pen.polygon([(-20, 240), (90, 92), (150, 168), (196, 118), (300, 240)], "#a9bfdc")
    pen.polygon([(90, 92), (120, 130), (98, 138), (84, 124), (64, 128)], "#ffffff")
    pen.polygon([(220, 240), (372, 100), (520, 240)], "#b9cce4")
    pen.polygon([(372, 100), (410, 136), (384, 146), (366, 130), (336, 134)], "#ffffff")
    scenery.hill(pen, 236, "#e4eef8", lean=10)
    for x, y, scale in ((44, 262, 0.9), (92, 270, 0.65), (430, 266, 1)):
        scenery.fir(pen, x, y, scale, "#5d8a86")
    scenery.hill(pen, 272, "#f7fbff", lean=-6)
    scenery.snow(pen, t, 26, "#ffffff")
    scenery.shadow(pen, 240, 326, 100, "#d3e0ef")
    side = bump(t, 0.08, 0.18, 0.42, 0.52) - bump(t, 0.55, 0.65, 0.88, 0.98)
    eyes = Mood("shut" if blink(t, 0.28, 0.5, 0.76) else "open", ears=-5 * side, look=(3 * side, 0))
    draw_sitting(
        pen.at(240, 326, scale=1.12), breeds.HUSKY, eyes, tilt=19 * side, head=(10 * side, 0),
        wag=6 * wave(t, 2),
    )  # fmt: skip
    _question(pen.at(372, 112, 10), bump(t, 0.12, 0.2, 0.42, 0.5))
    _question(pen.at(112, 112, -10), bump(t, 0.58, 0.66, 0.88, 0.96))


def _question(pen: Pen, size: float) -> None:
    if size < 0.05:
        return
    mark = pen.at(0, 0, scale=size)
    mark.stroke([(-14, -22), (-6, -36), (10, -34), (14, -20), (2, -8), (0, 6)], 9, "#3f6fa8")
    mark.circle(0, 22, 6, "#3f6fa8")


def umbrella_poodle(pen: Pen, t: float) -> None:
    for x, height in ((-10, 120), (70, 160), (330, 150), (408, 110)):
        pen.box(x, 262 - height, 74, height + 10, "#8296ae")
        for n in range(6):
            lit = "#ffe3a0" if (n + x // 10) % 3 == 0 else "#71859e"
            pen.box(x + 13 + n % 2 * 30, 278 - height + n // 2 * 34, 17, 20, lit)
    scenery.rain(pen, t, 34, "#c3d6e6")
    pen.box(0, 262, WIDTH, HEIGHT - 262, "#66788f")
    scenery.shadow(pen, 240, 328, 122, "#54657b")
    for n, x in enumerate((60, 146, 352, 430)):
        _splash(pen.at(x, 312 + n % 2 * 24), (t * 2 + n / 4) % 1)
    sway = 2.5 * wave(t)
    calm = Mood("shut" if blink(t, 0.3, 0.8) else "open", mouth=0.25, look=(2 * wave(t), -1))
    dog = pen.at(262, 328, scale=0.98)
    draw_sitting(dog, breeds.POODLE, calm, wag=10 * wave(t, 2), tilt=sway)
    dog.stroke([(-30, -84), (-50, -92), (-62, -108)], 24, breeds.POODLE.coat)
    _umbrella(pen.at(198, 226, 4 + sway), t)


def _umbrella(pen: Pen, t: float) -> None:
    pen.stroke([(0, 26), (0, -118)], 6, "#6b3f2a")
    canopy = pen.at(0, -116, 6)
    canopy.blob([(-158, 22), (-120, -50), (0, -92), (120, -50), (158, 22), (78, 6), (0, 2),
                 (-78, 6)], "#e4524f")  # fmt: skip
    canopy.blob([(-56, 8), (-40, -56), (0, -90), (40, -56), (56, 8), (0, 0)], "#f7f1e8")
    canopy.stroke([(0, -88), (0, -102)], 6, "#6b3f2a")
    for n in range(5):
        bounce = (t * 3 + n / 5) % 1
        x = -96 + 48 * n
        canopy.circle(
            x + 10 * bounce, -78 + abs(n - 2) ** 2 * 8 - 46 * bounce * (1 - bounce), 2.4, "#dce9f3"
        )


def _splash(pen: Pen, age: float) -> None:
    if age < 0.6:
        size = 8 + 26 * age
        pen.ellipse(0, 0, size, size * 0.3, "#8195ab")
        pen.ellipse(0, 0, size - 3, (size - 3) * 0.26, "#66788f")


def birthday_shiba(pen: Pen, t: float) -> None:
    for n in range(9):
        pen.at(0, 0).polygon(
            [(n * 60 - 10, 10 + 8 * (n % 2)), (n * 60 + 40, 18 - 8 * (n % 2)), (n * 60 + 14, 56)],
            ("#f4845f", "#58a4b0", "#f7b538", "#b07bac")[n % 4],
        )
    scenery.confetti(pen, t, 22, ("#f4845f", "#58a4b0", "#f7b538", "#b07bac", "#8ac926"))
    pen.box(0, 286, WIDTH, 80, "#e8b4a0")
    scenery.shadow(pen, 196, 326, 100, "#d69c88")
    joy = Mood("happy", mouth=0.9, tongue=0.3, ears=5 * wave(t))
    rock = 5 * wave(t)
    bounce = -6 * pulse(t, 2)
    dog = pen.at(196, 326 + bounce, scale=1.06)
    draw_sitting(dog, breeds.SHIBA, joy, wag=16 * wave(t, 2), tilt=rock)
    hat = dog.at(0, -152, rock).at(0, -48, 0)
    hat.polygon([(-24, 4), (24, 4), (0, -58)], "#58a4b0")
    hat.polygon([(-17, -13), (17, -13), (12, -26), (-12, -26)], "#f7b538")
    hat.circle(0, -58, 10, "#f4845f")
    _cake(pen.at(382, 326), t)


def _cake(pen: Pen, t: float) -> None:
    pen.ellipse(0, 4, 78, 12, "#fffaf2")
    pen.box(-60, -52, 120, 54, "#a8623a")
    pen.ellipse(0, 2, 60, 9, "#a8623a")
    pen.blob([(-62, -54), (0, -64), (62, -54), (62, -34), (46, -26), (30, -38), (14, -24),
    (-2, -38),
              (-20, -24), (-38, -38), (-52, -28), (-62, -36)], "#ffd9e2")  # fmt: skip
    for x, colour in ((-28, "#58a4b0"), (0, "#f4845f"), (28, "#8ac926")):
        pen.stroke([(x, -56), (x, -86)], 8, colour)
        flame = pen.at(x, -94, 8 * wave(t, 2, x / 90), 1 + 0.15 * wave(t, 3, x / 50))
        flame.blob([(0, -15), (7, 0), (0, 7), (-7, 0)], "#ffb627")
        flame.blob([(0, -6), (3.4, 2), (0, 5), (-3.4, 2)], "#fff1b8")


def puppy_in_a_box(pen: Pen, t: float) -> None:
    pen.circle(240, 170, 150, "#cfe6e3")
    pen.box(0, 292, WIDTH, 70, "#e9c9a0")
    pen.polygon([(122, 236), (358, 236), (340, 206), (140, 206)], "#8f6035")
    up = bump(t, 0.05, 0.2, 0.78, 0.92)
    peek = pen.at(240, 268 - 96 * up - 8 * hop(t, 0.18, 0.32), 7 * wave(t, 2) * up, 1.1)
    eager = Mood(
        "shut" if blink(t, 0.42, 0.68) else "open", mouth=0.7 * ease(up, 0.6, 1),
        tongue=0.5 * ease(up, 0.6, 1), ears=10 * hop(t, 0.18, 0.4) + 4 * wave(t, 4),
        look=(3 * wave(t, 2), 0),
    )  # fmt: skip
    peek.stroke([(0, 44), (0, 110)], 72, breeds.PUPPY.shade)
    draw_head(peek, breeds.PUPPY, eager)
    pen.box(0, 292, WIDTH, 70, "#e9c9a0")  # covers what of the puppy is still below the rim
    _box(pen)
    for x in (186, 294):
        _paw(pen.at(x, 240, scale=0.02 + ease(up, 0.45, 0.9)))


def _box(pen: Pen) -> None:
    scenery.shadow(pen, 240, 336, 150, "#d5b084")
    pen.polygon([(122, 236), (358, 236), (350, 336), (130, 336)], "#c68f58")
    pen.polygon([(122, 236), (70, 262), (84, 290), (126, 262)], "#d9a872")
    pen.polygon([(358, 236), (410, 262), (396, 290), (354, 262)], "#d9a872")
    pen.box(125, 258, 230, 5, "#b67f4b")
    _heart(pen.at(240, 300))


def _heart(pen: Pen) -> None:
    pen.blob([(0, 26), (-26, 2), (-24, -16), (-10, -20), (0, -8), (10, -20), (24, -16), (26, 2)],
             "#e4626f")  # fmt: skip


def _paw(pen: Pen) -> None:
    pen.ellipse(0, 0, 24, 17, breeds.PUPPY.coat)
    for x in (-8, 8):
        pen.stroke([(x, 4), (x, 14)], 2.4, breeds.INK)
