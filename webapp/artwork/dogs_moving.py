"""Dogs on the move: each function paints one moment of one picture."""

from webapp.artwork import breeds, scenery
from webapp.artwork.breeds import SHADOW_TINT
from webapp.artwork.face import Mood
from webapp.artwork.motion import blink, bump, ease, hop, pulse, scattered, wave
from webapp.artwork.pen import HEIGHT, WIDTH, Pen, Point, mix, smooth
from webapp.artwork.walking import Foot, Pose, draw_walking, gallop


def running_greyhound(pen: Pen, t: float) -> None:
    scenery.sun(pen, 380, 70, 30, 30 * t, "#ffe08a")
    scenery.cloud(pen, 90, 70, 1, "#ffffff")
    scenery.cloud(pen, 268, 46, 0.6, "#ffffff")
    scenery.hill(pen, 206, "#cfe3a1")
    for n in range(5):
        scenery.tree(pen, n * 160 - 160 * t + 40, 246, 0.72, "#83b86f")
    pen.box(0, 244, WIDTH, HEIGHT - 244, "#a2cd78")
    pen.box(0, 284, WIDTH, 54, "#e5c79b")
    for n in range(9):
        pen.stroke(
            [(n * 80 - 160 * t, 304 + n % 2 * 16), (n * 80 + 24 - 160 * t, 304 + n % 2 * 16)],
            4,
            "#d3b183",
        )
    stride = (t * 2) % 1
    fore, far_fore, hind, far_hind = gallop(stride, 62, 42)
    air = pulse(stride, 1, 0.1)
    scenery.shadow(pen, 224, 318, 116 - 16 * air, "#c4a276")
    pose = Pose(
        fore, far_fore, hind, far_hind, pitch=5 * wave(stride, 1, 0.1), rise=16 * air,
        neck=(50, -34),
        head=-5 * wave(stride, 1, 0.2), jaw=14, tongue=0.7, tail=-34 + 10 * wave(stride),
        ear=40 + 26 * wave(stride, 1, 0.3),
    )  # fmt: skip
    draw_walking(pen.at(210, 318, scale=0.96), breeds.GREYHOUND, pose)
    for n in range(3):
        puff = (stride + n / 3) % 1
        pen.circle(104 - 70 * puff - n * 6, 312 - 20 * puff, 15 * (1 - puff) + 0.5, "#f3e2c4")


def ball_catching_labrador(pen: Pen, t: float) -> None:
    scenery.cloud(pen, 96, 60, 0.9, "#ffffff")
    scenery.cloud(pen, 300, 88, 0.6, "#ffffff")
    scenery.hill(pen, 204, "#b6d98f", lean=-12)
    for n in range(13):
        pen.stroke([(n * 42 - 10, 226), (n * 42 - 10, 264)], 12, "#fff8ea")
    for y in (236, 254):
        pen.stroke([(-10, y), (490, y)], 7, "#fff8ea")
    pen.box(0, 262, WIDTH, HEIGHT - 262, "#8fc46e")
    leap = hop(t, 0.26, 0.62)
    caught = 0.44 <= t < 0.88
    scenery.shadow(pen, 214, 326, 104 - 30 * leap, "#76ab57")
    crouch = bump(t, 0.12, 0.22, 0.25, 0.3) + bump(t, 0.6, 0.65, 0.68, 0.76)
    toss = bump(t, 0.82, 0.88, 0.89, 0.98)
    pose = _leaping(t, leap, crouch, toss, caught)
    mouth = draw_walking(pen.at(196, 326, scale=0.9), breeds.LABRADOR, pose)
    _tennis_ball(pen.at(*_ball_place(t, mouth.origin), 720 * t))
    for n, x in enumerate((26, 96, 330, 398, 452)):
        scenery.grass(pen, x, 346 - n % 2 * 10, "#5f9a4d", 4 * wave(t, 2, n / 5))


def _leaping(t: float, leap: float, crouch: float, toss: float, caught: bool) -> Pose:
    tuck: Foot = (-14 * leap, 44 * leap + 66 * leap * leap)
    reach: Foot = (26 * leap, 60 * leap + 84 * leap * leap)
    return Pose(
        reach, (reach[0] + 10, reach[1] * 0.92), (tuck[0], tuck[1] * 0.6), (tuck[0] + 8,
        tuck[1] * 0.55),
        pitch=-16 * leap, rise=92 * leap - 16 * crouch, neck=(36, -42),
        head=-16 - 18 * toss - 6 * leap,
        jaw=6 if caught else 20 * bump(t, 0.2, 0.36, 0.4, 0.46) + 12 * toss,
        tail=-8 + 24 * wave(t, 8 if caught else 4) * (1 - leap),
        ear=30 * wave(t, 1, 0.55) * leap, shut=blink(t, 0.7),
    )  # fmt: skip


def _ball_place(t: float, mouth: Point) -> Point:
    """In the mouth from the catch to the toss; otherwise between it and the right edge."""
    if 0.44 <= t < 0.88:
        return mouth
    away = 1 - ease(t, 0.04, 0.44) if t < 0.44 else ease(t, 0.88, 1)
    return mouth[0] + 190 * away, mouth[1] - 100 * away * (1.4 - away)


def _tennis_ball(pen: Pen) -> None:
    pen.circle(0, 0, 15, "#d4e34a")
    pen.arc(-16, 0, 12, 13, -50, 50, 3, "#fafde0")
    pen.arc(16, 0, 12, 13, 130, 230, 3, "#fafde0")


def digging_terrier(pen: Pen, t: float) -> None:
    scenery.cloud(pen, 380, 60, 0.9, "#ffffff")
    scenery.hill(pen, 190, "#b3d68f", lean=10)
    for n in range(4):
        scenery.flower(
            pen, 40 + n * 34, 232 - n % 2 * 8, ("#ff8fa3", "#ffd166")[n % 2], 6 * wave(t, 1, n / 4)
        )
    pen.box(0, 232, WIDTH, HEIGHT - 232, "#93c572")
    pen.polygon([(0, 306), (WIDTH, 300), (WIDTH, HEIGHT), (0, HEIGHT)], "#9a6a45")
    pen.blob([(262, 300), (300, 332), (350, 340), (400, 330), (432, 298), (350, 292)], "#6d452b")
    _bone(pen.at(356, 330, -14), 1)
    for n in range(16):
        _clod(pen, (t * 3 + n / 16) % 1, n)
    paddle = (t * 6) % 1
    pose = Pose(
        (26 + 20 * wave(paddle), 8 + 12 * pulse(paddle)), (26 - 20 * wave(paddle),
        8 + 12 * pulse(paddle, 1, 0.5)),
        (-8, 0), (6, 0), pitch=17, rise=-2, neck=(36, -8), head=22 + 4 * wave(t, 6),
        tail=-12 + 26 * wave(t, 5),
        ear=14 * wave(t, 6), shut=blink(t, 0.3, 0.36),
    )  # fmt: skip
    draw_walking(pen.at(222, 306, scale=1.1), breeds.TERRIER, pose)
    pen.blob(
        [(250, 318), (300, 340), (350, 346), (404, 338), (448, 312), (470, 362), (240, 362)],
        "#8a5c3a",
    )
    pen.blob([(30, 330), (70, 276), (112, 262), (152, 288), (184, 330)], "#855733")
    pen.blob([(60, 330), (90, 292), (118, 284), (146, 304), (160, 330)], "#9a6a45")


def _clod(pen: Pen, age: float, n: int) -> None:
    u, v = scattered(n)
    x = 290 - (170 + 90 * u) * age
    y = 306 - (430 + 330 * v) * age * (1 - age) - 20 * age
    pen.circle(x, y, 4 + 5 * v, "#7b4f30" if n % 2 else "#9a6a45")


def _bone(pen: Pen, size: float) -> None:
    bone = pen.at(0, 0, scale=size)
    bone.stroke([(-24, 0), (24, 0)], 11, "#fff6e3")
    for x, y in ((-28, -6), (-28, 6), (28, -6), (28, 6)):
        bone.circle(x, y, 8, "#fff6e3")


def stretching_dachshund(pen: Pen, t: float) -> None:
    pen.circle(240, 172, 140, "#fbe3c8")
    pen.box(0, 272, WIDTH, HEIGHT - 272, "#d79b74")
    pen.box(0, 262, WIDTH, 12, "#f6efe6")
    pen.ellipse(240, 322, 226, 28, "#9d4f57")
    pen.ellipse(240, 322, 206, 22, "#b9636b")
    _window(pen.at(240, 116))
    reach = bump(t, 0.1, 0.42, 0.62, 0.86)
    bow = bump(t, 0.14, 0.4, 0.6, 0.82)
    breed = breeds.DACHSHUND
    longer = type(breed)(**{**vars(breed), "length": breed.length + 26 * reach})
    shiver = 1.2 * wave(t, 16) * bump(t, 0.36, 0.42, 0.56, 0.62)
    pose = Pose(
        (44 * reach, 0), (52 * reach + 8, 0), (-6 * reach, 0), (4, 0), pitch=6.5 * bow,
        rise=6 * bow + shiver,
        neck=(40 - 4 * bow, -46 + 8 * bow), head=-16 * bow, jaw=22 * bump(t, 0.34, 0.44, 0.54,
        0.62),
        tongue=0.5 * bump(t, 0.38, 0.44, 0.54, 0.6),
        tail=-6 - 20 * bow + 14 * wave(t, 4) * (1 - reach),
        ear=-10 * bow, shut=0.3 < t < 0.66 or blink(t, 0.9),
    )  # fmt: skip
    draw_walking(pen.at(214, 324, scale=0.98), longer, pose)


def _window(pen: Pen) -> None:
    pen.box(-68, -66, 136, 120, "#a9d9e8")
    pen.circle(30, -30, 16, "#ffdf7e")
    meadow = smooth([(-66, 34), (-30, 14), (4, 30), (36, 20), (66, 30)], closed=False)
    pen.polygon([*meadow, (66, 52), (-66, 52)], "#98c97f")
    for x, y, width, height in ((-74, -72, 148, 10), (-74, 50, 148, 10), (-74, -72, 10, 132),
                                (64, -72, 10, 132), (-4, -72, 8, 132),
                                (-74, -14, 148, 7)):  # fmt: skip
        pen.box(x, y, width, height, "#fffaf2")
    pen.box(-84, 56, 168, 10, "#f1e6d6")


def skating_bulldog(pen: Pen, t: float) -> None:
    pen.circle(364, 150, 74, "#ffc59b")
    pen.circle(364, 150, 56, "#ffb07c")
    for n in range(-1, 8):
        _house(pen, n * 130 - 390 * t, 258, 104, (96, 140, 70)[n % 3])
    pen.box(0, 258, WIDTH, HEIGHT - 258, "#74627c")
    pen.box(0, 258, WIDTH, 12, "#bcaec2")
    for n in range(8):
        pen.box(n * 130 - 390 * t + 10, 336, 60, 6, "#a997b0")
    for n in range(3):
        y = 60 + n * 50
        x = (n * 230 - 640 * t) % 640 - 120
        pen.stroke([(x, y), (x + 60, y)], 3, "#fff3e4")
    bob = 2.5 * wave(t, 2)
    scenery.shadow(pen, 236, 326, 120, "#5f4f67")
    _skateboard(pen.at(236, 304, 1.2 * wave(t, 2)), t)
    kick = bump(t, 0.1, 0.25, 0.45, 0.6)
    grin = Mood(
        "shut" if blink(t, 0.7) else "open", mouth=0.5, tongue=0.5 + 0.4 * pulse(t, 2),
        look=(3, 0), ears=-8 + 4 * wave(t, 2),
    )  # fmt: skip
    pose = Pose(
        (10, 0), (26, 0), (-14 - 44 * kick * wave(t, 2), 12 * kick), (6, 0), pitch=-4 + 2 * wave(t),
        rise=bob, neck=(20, -40), head=4 + 5 * wave(t, 1, 0.1), tail=-24 + 10 * wave(t, 3),
        mood=grin,
    )  # fmt: skip
    draw_walking(pen.at(226, 292, scale=1.1), breeds.BULLDOG, pose)


def _house(pen: Pen, x: float, base: float, width: float, tall: float) -> None:
    pen.box(x, base - tall, width, tall, "#dd9a8c")
    for column in (0.18, 0.58):
        pen.box(x + width * column, base - tall + 18, width * 0.24, 20, "#f6cfae")


def _skateboard(pen: Pen, t: float) -> None:
    pen.stroke([(-124, -20), (-96, -6), (0, -4), (96, -6), (124, -20)], 11, "#2f9c95")
    for x in (-74, 74):
        wheel = pen.at(x, 10, 1440 * t)
        wheel.circle(0, 0, 12, "#f6c64b")
        wheel.circle(0, 0, 5, mix("#f6c64b", SHADOW_TINT, 0.5))
        wheel.stroke([(0, 0), (8, 0)], 2, mix("#f6c64b", SHADOW_TINT, 0.5))
