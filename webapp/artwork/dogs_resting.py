"""Dogs that lie down, roll or sing: each function paints one moment of one picture."""

from webapp.artwork import breeds, scenery
from webapp.artwork.breeds import SHADOW_TINT, Breed
from webapp.artwork.face import PINK, Mood, draw_head
from webapp.artwork.motion import bump, pulse, scattered, wave
from webapp.artwork.pen import HEIGHT, WIDTH, Pen, mix
from webapp.artwork.sitting import draw_tail
from webapp.artwork.walking import Pose, draw_profile


def sleeping_beagle(pen: Pen, t: float) -> None:
    pen.box(0, 276, WIDTH, HEIGHT - 276, "#3b3157")
    pen.box(0, 268, WIDTH, 10, "#5d5080")
    _night_window(pen.at(116, 112), t)
    _lamp(pen.at(424, 276))
    pen.ellipse(236, 322, 214, 26, "#2f2648")
    breath = pulse(t, 1)
    pen.blob([(60, 268), (150, 256), (240, 254), (330, 256), (420, 268), (430, 306), (390, 328),
              (240, 334), (90, 328), (50, 306)], "#b5566b")  # fmt: skip
    _lying(pen.at(216, 304), breeds.BEAGLE, breath)
    pen.blob([(52, 298), (140, 306), (240, 310), (340, 306), (428, 298), (424, 322), (380, 336),
              (240, 342), (100, 336), (56, 322)], "#cf6c7e")  # fmt: skip
    for x in (120, 200, 280, 360):
        pen.stroke([(x - 14, 324), (x + 14, 325)], 4, "#e58b98")
    for n in range(3):
        _snore(pen, (t + n / 3) % 1)


def _night_window(pen: Pen, t: float) -> None:
    pen.box(-66, -72, 132, 144, "#1d2348")
    pen.circle(26, -30, 20, "#fff2c2")
    pen.circle(18, -36, 17, "#1d2348")
    for n, (x, y) in enumerate(((-40, -46), (-16, -14), (-46, 26), (38, 34), (8, 46))):
        scenery.star(pen, x, y, 5 + 2 * wave(t, 2, n / 5), "#fff2c2")
    for x, y, width, height in ((-72, -78, 144, 9), (-72, 69, 144, 9), (-72, -78, 9, 156),
                                (63, -78, 9, 156), (-4, -78, 7, 156),
                                (-72, -4, 144, 7)):  # fmt: skip
        pen.box(x, y, width, height, "#8a78ad")


def _lamp(pen: Pen) -> None:
    pen.circle(0, -128, 74, "#6a5784")
    pen.circle(0, -128, 54, "#84698c")
    pen.stroke([(0, 0), (0, -120)], 6, "#2c2340")
    pen.ellipse(0, 2, 26, 6, "#2c2340")
    pen.polygon([(-34, -108), (34, -108), (20, -156), (-20, -156)], "#ffd98c")


def _lying(pen: Pen, breed: Breed, breath: float) -> None:
    """A dog curled up with its head on its paws; the origin is on the floor below it."""
    pen.stroke([(-100, -16), (-140, -12), (-158, -30)], 15, breed.coat, 8)
    top = pen.at(0, 6, squash=1 + 0.07 * breath)
    top.blob(
        [(-124, -6), (-122, -52), (-84, -88), (-20, -94), (44, -82), (84, -54), (96, -4)],
        breed.coat,
    )
    if breed.saddle:
        top.blob([(-96, -76), (-40, -95), (20, -89), (48, -64), (0, -38), (-70, -42)], breed.saddle)
    top.ellipse(-80, -34, 44, 38, mix(breed.coat, SHADOW_TINT, 0.1))
    pen.stroke([(-92, 0), (-50, 0)], 22, breed.paws)
    pen.stroke([(50, -10), (100, -2), (166, -2)], 26, mix(breed.coat, SHADOW_TINT, 0.1), 22)
    pen.stroke([(134, -2), (168, -2)], 23, breed.paws)
    pen.stroke([(64, -62), (82, -40), (94, -26)], 9, breed.collar)
    head = pen.at(112, -40 - 4 * breath, 9 - 2 * breath, 1.06)
    draw_profile(head, breed, Pose(shut=True, ear=-8 - 3 * breath))


def _snore(pen: Pen, age: float) -> None:
    size = 0.35 + 0.75 * age
    fade = mix("#fff2c2", "#4b4070", max(0.0, age * 2.4 - 1.4))
    letter = pen.at(352 + 34 * age + 10 * wave(age), 214 - 150 * age, 10 * wave(age, 1, 0.2), size)
    letter.polygon([(-16, -20), (16, -20), (16, -11), (-4, 11), (16, 11), (16, 20), (-16, 20),
    (-16, 11),
                    (4, -11), (-16, -11)], fade)  # fmt: skip


def rolling_dalmatian(pen: Pen, t: float) -> None:
    for n in range(22):
        u, v = scattered(n + 3)
        scenery.grass(pen, u * WIDTH, v * HEIGHT, "#74b463", 3 * wave(t, 1, n / 7))
    for n in range(11):
        u, v = scattered(n * 2 + 40)
        _daisy(
            pen.at(u * WIDTH, v * HEIGHT, 12 * wave(t, 1, n / 11)), ("#ffffff", "#ffd2e0")[n % 2]
        )
    swing = wave(t)
    dog = pen.at(240 + 16 * swing, 188, 15 * swing, 0.92)
    pen.at(246, 206).blob([(0, -150), (60, -110), (84, 0), (70, 110), (0, 140), (-70, 110),
    (-84, 0), (-60, -110)],
                       "#79b968")  # fmt: skip
    _belly_up(dog, breeds.DALMATIAN, t)


def _belly_up(pen: Pen, breed: Breed, t: float) -> None:
    """A dog on its back, seen from above; the origin is its navel."""
    shade = mix(breed.coat, SHADOW_TINT, 0.16)
    draw_tail(pen.at(4, 92, 108 + 26 * wave(t, 3)), breed)
    for side, phase in ((pen, 0.0), (pen.mirrored(), 0.4)):
        kick = wave(t, 2, phase)
        _kicking_leg(side.at(34, 72, 12 * kick), breed, shade, ((0, 0), (42, 18), (58, 52)))
    pen.blob([(0, -66), (38, -50), (52, 0), (56, 60), (34, 100), (0, 108), (-34, 100), (-56, 60),
    (-52, 0),
              (-38, -50)], shade)  # fmt: skip
    pen.blob(
        [(0, -60), (28, -44), (38, 4), (36, 64), (0, 96), (-36, 64), (-38, 4), (-28, -44)],
        "#fff1e8",
    )
    pen.stroke([(-6, 62), (0, 66), (6, 62)], 3, "#e6b9ac")
    for x, y, radius in (
        (-45, -8, 6),
        (46, 26, 7),
        (-46, 54, 6),
        (44, 76, 5),
        (-20, -34, 5),
        (24, -8, 4),
    ):
        pen.circle(x, y, radius, breed.spots or breed.coat)
    for side, phase in ((pen, 0.15), (pen.mirrored(), 0.55)):
        paddle = 18 * wave(t, 2, phase)
        _kicking_leg(side.at(30, -34, paddle), breed, breed.coat, ((0, 0), (44, -2), (62, 34)))
    pen.stroke([(-32, -58), (0, -50), (32, -58)], 10, breed.collar)
    joy = Mood("happy", mouth=0.9, tongue=0.7 + 0.3 * wave(t, 2), ears=24 + 10 * wave(t, 1, 0.2))
    draw_head(pen.at(0, -100, -14 * wave(t, 1, 0.06)), breed, joy)


def _kicking_leg(
    pen: Pen, breed: Breed, colour: str, path: tuple[tuple[float, float], ...]
) -> None:
    pen.stroke(path, 34, colour, 25)
    x, y = path[-1]
    if breed.spots:
        pen.circle(path[1][0] - 4, path[1][1] - 2, 6, breed.spots)
    pen.circle(x, y, 17, colour)
    pen.ellipse(x, y + 4, 8, 6, PINK)
    for dx, dy in ((-9, -5), (0, -9), (9, -5)):
        pen.circle(x + dx, y + dy, 3.4, PINK)


def _daisy(pen: Pen, colour: str) -> None:
    for i in range(7):
        pen.at(0, 0, i * 360 / 7).ellipse(0, -7, 3.4, 5.4, colour)
    pen.circle(0, 0, 4, "#ffcf4d")


def howling_shepherd(pen: Pen, t: float) -> None:
    pen.circle(322, 132, 118, "#2c3f78")
    pen.circle(322, 132, 98, "#f6e7b4")
    for x, y, radius in (
        (280, 100, 15),
        (352, 84, 10),
        (372, 156, 20),
        (300, 172, 12),
        (330, 126, 7),
    ):
        pen.circle(x, y, radius, "#e8d493")
    for n in range(20):
        u, v = scattered(n)
        if (u * WIDTH - 322) ** 2 + (v * 210 - 132) ** 2 > 130**2:
            scenery.star(pen, u * WIDTH, v * 210, 4 + 2.4 * wave(t, 1 + n % 2, n / 7), "#dfe6ff")
    scenery.hill(pen, 236, "#25366a", lean=14)
    for x, y, scale in ((18, 284, 0.9), (66, 278, 1.2), (448, 268, 1.1), (402, 270, 0.8)):
        scenery.fir(pen, x, y, scale, "#1b2a56")
    pen.blob(
        [(-40, 330), (90, 306), (230, 296), (350, 306), (520, 330), (520, 420), (-40, 420)],
        "#162247",
    )
    howl = bump(t, 0.1, 0.22, 0.72, 0.84)
    _sitting_profile(pen.at(196, 314), breeds.SHEPHERD, howl, t)
    for n in range(3):
        _sound(pen.at(284 + 4 * howl, 88 - 6 * howl, -48), (t * 3 + n / 3) % 1, howl)


def _sitting_profile(pen: Pen, breed: Breed, howl: float, t: float) -> None:
    draw_tail(pen.at(-52, -12, -38 + 6 * wave(t, 2)).mirrored(), breed)
    far = mix(breed.coat, SHADOW_TINT, 0.3)
    pen.stroke([(56, -96), (62, -50), (60, -8)], 26, far, 19)
    pen.ellipse(66, -5, 16, 8, far)
    pen.blob([(-62, -8), (-66, -46), (-36, -92), (4, -132), (48, -138), (66, -112), (60, -74),
    (46, -34), (30, -4)],
             breed.coat)  # fmt: skip
    pen.blob([(66, -124), (72, -96), (58, -62), (40, -70), (44, -112)], breed.light)
    if breed.saddle:
        pen.blob(
            [(-64, -40), (-38, -90), (4, -133), (26, -136), (16, -100), (-16, -74), (-40, -34)],
            breed.saddle,
        )
    pen.ellipse(-22, -34, 40, 36, mix(breed.coat, SHADOW_TINT, 0.1))
    pen.stroke([(-14, -5), (24, -5)], 17, mix(breed.coat, SHADOW_TINT, 0.1))
    pen.stroke([(44, -98), (48, -50), (46, -10)], 28, breed.coat, 20)
    pen.ellipse(51, -6, 17, 9, breed.coat)
    stretch = 8 * howl
    pen.stroke([(26, -124), (36, -152 - stretch), (42, -170 - stretch)], 52, breed.coat, 46)
    pen.stroke([(14, -146), (38, -138), (62, -146)], 10, breed.collar)
    singing = Pose(jaw=6 + 15 * howl + 2 * wave(t, 12) * howl, ear=-20 * howl - 8, shut=howl > 0.4)
    draw_profile(pen.at(46, -180 - stretch, -12 - 40 * howl), breed, singing)


def _sound(pen: Pen, age: float, howl: float) -> None:
    """One arc of the song, moving away to the right."""
    if howl > 0.5 and 0.05 < age < 0.9:
        radius = 18 + 74 * age
        pen.arc(
            0, 0, radius, radius, -26, 26, 5 * (1 - age) + 1, mix("#c98a2b", "#f6e7b4", age * 0.7)
        )
