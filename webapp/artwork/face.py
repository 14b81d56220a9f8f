"""A dog's head seen from the front, about 120 pixels wide, around its own centre."""

from dataclasses import dataclass
from typing import Literal

from webapp.artwork.breeds import INK, SHADOW_TINT, Breed
from webapp.artwork.pen import Pen, Point, mix

PINK = "#f08a8f"
MOUTH = "#7a2530"

EAR_POINTS: dict[str, list[Point]] = {
    "pointed": [(-20, 12), (-24, -22), (-15, -56), (-8, -58), (16, -24), (26, 6)],
    "bat": [(-18, 14), (-30, -28), (-20, -62), (-4, -66), (14, -34), (22, 6)],
    "folded": [(20, -12), (-4, -18), (-24, -8), (-34, 24), (-26, 34), (-4, 14), (12, 4)],
    "floppy": [(14, -12), (-14, -14), (-34, 6), (-42, 48), (-30, 66), (-14, 58), (-4, 24)],
    "long": [(12, -10), (-12, -12), (-30, 10), (-44, 58), (-38, 92), (-20, 92), (-8, 60), (0, 22)],
}
SKULL: list[Point] = [
    (0, -53), (34, -46), (55, -18), (61, 12), (44, 39), (0, 50),
    (-44, 39), (-61, 12), (-55, -18), (-34, -46),
]  # fmt: skip


@dataclass(frozen=True)
class Mood:
    """What a face does: mouth and tongue from 0 to 1, where it looks in pixels, ears in degrees."""

    eyes: Literal["open", "shut", "happy"] = "open"
    mouth: float = 0
    tongue: float = 0
    look: Point = (0, 0)
    ears: float = 0


def draw_head(pen: Pen, breed: Breed, mood: Mood) -> None:
    if breed.ear_shape in ("pointed", "bat"):
        _ears(pen, breed, mood.ears)
    pen.blob(SKULL, breed.coat)
    _markings(pen, breed)
    if breed.ear_shape not in ("pointed", "bat"):
        _ears(pen, breed, mood.ears)
    if breed.topknot:
        _topknot(pen, breed)
    for side in (pen, pen.mirrored()):
        _cheek(side, breed)
        _eye(side, breed, mood, mirrored=side is not pen)
    _muzzle(pen, breed, mood)


def _ears(pen: Pen, breed: Breed, degrees: float) -> None:
    for side in (pen, pen.mirrored()):
        base = side.at(-36, -36, degrees)
        if breed.ear_shape == "pompon":
            for x, y, radius in ((-18, 6, 24), (-26, 34, 24), (-20, 56, 18)):
                base.circle(x, y, radius, breed.ears)
            continue
        points = EAR_POINTS[breed.ear_shape]
        base.blob(points, breed.ears)
        if breed.ear_shape in ("pointed", "bat"):
            inner = mix(breed.ears, "#ffb9ae", 0.62)
            base.at(-4, -6, scale=0.6).blob(points, inner)


def _topknot(pen: Pen, breed: Breed) -> None:
    for x, y, radius in ((-26, -50, 22), (26, -50, 22), (0, -62, 28), (0, -42, 24)):
        pen.circle(x, y, radius, breed.ears)


def _markings(pen: Pen, breed: Breed) -> None:
    if breed.mask:
        for side in (pen, pen.mirrored()):
            side.blob(
                [(0, 48), (0, 0), (14, -26), (32, -24), (42, -2), (52, 26), (34, 42)], breed.mask
            )
        pen.blob([(0, -18), (10, 12), (0, 46), (-10, 12)], breed.mask)
    if breed.blaze:
        pen.blob([(0, -53), (8, -30), (14, 0), (40, 18), (30, 42), (0, 50),
                  (-30, 42), (-40, 18), (-14, 0), (-8, -30)], breed.light)  # fmt: skip
    if breed.patch:
        pen.blob([(14, -44), (38, -38), (48, -12), (34, 8), (14, 4), (8, -20)], breed.patch)
    if breed.brows:
        for x in (-22, 22):
            pen.ellipse(x, -27, 7, 5, breed.brows)
    if breed.spots:
        for x, y, radius in ((-26, -34, 7), (2, -42, 5), (30, -26, 8), (47, 6, 6), (-47, 8, 5),
                             (-38, -12, 4), (12, -28, 4)):  # fmt: skip
            pen.circle(x, y, radius, breed.spots)


def _cheek(pen: Pen, breed: Breed) -> None:
    pen.ellipse(43, 17, 8, 5, mix(breed.mask or breed.coat, PINK, 0.42))


def _eye(pen: Pen, breed: Breed, mood: Mood, *, mirrored: bool) -> None:
    look_x = -mood.look[0] if mirrored else mood.look[0]
    x, y = 25 + look_x * 0.5, -9 + mood.look[1] * 0.5
    if mood.eyes == "shut":
        pen.arc(x, y - 2, 9, 7, 20, 160, 4, INK)
    elif mood.eyes == "happy":
        pen.arc(x, y + 5, 9, 10, 200, 340, 4.5, INK)
    else:
        _open_eye(pen.at(x, y), breed, -2.5 if mirrored else 2.5, look_x, mood.look[1])


def _open_eye(pen: Pen, breed: Breed, gleam: float, look_x: float, look_y: float) -> None:
    dark_coat = breed.coat < "#80"  # a dark coat needs a rim, or the eye is lost in it
    if breed.eyes != INK:
        pen.ellipse(0, 0, 10, 11, INK)
        pen.ellipse(look_x * 0.3, look_y * 0.3, 8, 9, breed.eyes)
        pen.ellipse(look_x * 0.5, look_y * 0.5, 4.5, 5.5, INK)
    else:
        if dark_coat:
            pen.ellipse(0, 0, 9.8, 11.2, mix(breed.coat, "#ffffff", 0.72))
        pen.ellipse(look_x * 0.3, look_y * 0.3, 8.2, 9.6, INK)
    pen.circle(gleam + look_x * 0.4, -3.5 + look_y * 0.4, 3, "#ffffff")


def _muzzle(pen: Pen, breed: Breed, mood: Mood) -> None:
    drop = mood.mouth * 14
    if mood.mouth > 0:
        _open_mouth(pen, breed, drop, mood.tongue)
    pen.ellipse(-15, 22, 21, 17, breed.light)
    pen.ellipse(15, 22, 21, 17, breed.light)
    pen.ellipse(0, 14, 20, 16, breed.light)
    line = mix(breed.light, SHADOW_TINT, 0.75)
    pen.stroke([(0, 12), (0, 26)], 3, line)
    pen.arc(-11, 25, 11, 8, 10, 150, 3, line)
    pen.arc(11, 25, 11, 8, 170, 30, 3, line)
    for x, y in ((-22, 20), (-17, 26), (22, 20), (17, 26)):
        pen.circle(x, y, 1.4, line)
    _nose(pen.at(0, 6))


def _open_mouth(pen: Pen, breed: Breed, drop: float, tongue: float) -> None:
    pen.blob([(-22, 26), (22, 26), (17, 38 + drop), (0, 46 + drop), (-17, 38 + drop)], breed.shade)
    pen.blob([(-17, 26), (17, 26), (13, 35 + drop), (0, 40 + drop), (-13, 35 + drop)], MOUTH)
    if tongue > 0:
        tip = 34 + drop + tongue * 20
        pen.blob([(-11, 30), (11, 30), (11, tip - 8), (0, tip), (-11, tip - 8)], PINK)
        pen.stroke([(0, 32), (0, tip - 11)], 2.4, mix(PINK, MOUTH, 0.35))


def _nose(pen: Pen) -> None:
    pen.blob([(-11, -5), (0, -8), (11, -5), (9, 3), (0, 9), (-9, 3)], INK)
    pen.ellipse(-3.5, -3.5, 3.6, 1.8, "#8b7a78")
