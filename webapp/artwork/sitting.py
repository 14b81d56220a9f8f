"""A dog that sits and looks at you; the origin is on the floor, below its nose."""

from webapp.artwork.breeds import SHADOW_TINT, Breed
from webapp.artwork.face import Mood, draw_head
from webapp.artwork.pen import Pen, Point, mix

HEAD: Point = (0, -152)
BODY: list[Point] = [
    (0, -140), (34, -122), (50, -72), (62, -22), (46, 0), (-46, 0), (-62, -22), (-50, -72),
    (-34, -122),
]  # fmt: skip


def draw_sitting(
    pen: Pen,
    breed: Breed,
    mood: Mood,
    *,
    wag: float = 0,
    tilt: float = 0,
    breath: float = 0,
    head: Point = (0, 0),
) -> None:
    """`wag` and `tilt` in degrees, `breath` from 0 to 1, `head` moves the head by pixels."""
    draw_tail(pen.at(48, -16, wag), breed)
    torso = pen.at(0, 0, squash=1 + 0.025 * breath)
    draw_torso(torso, breed)
    lift = 3 * breath
    draw_head(pen.at(HEAD[0] + head[0], HEAD[1] + head[1] - lift, tilt), breed, mood)


def draw_torso(pen: Pen, breed: Breed) -> None:
    for side in (pen, pen.mirrored()):
        side.ellipse(50, -28, 27, 32, breed.shade, -14)
        side.ellipse(58, -6, 25, 11, mix(breed.paws, SHADOW_TINT, 0.1))
    pen.blob(BODY, breed.shade)
    _bib(pen, breed)
    if breed.spots:
        for x, y, radius in ((-36, -76, 8), (38, -58, 9), (-50, -30, 7), (40, -100, 5)):
            pen.circle(x, y, radius, breed.spots)
    for side in (pen, pen.mirrored()):
        _foreleg(side, breed)
    _collar(pen, breed)


def draw_tail(pen: Pen, breed: Breed) -> None:
    """A tail that grows to the upper right from the origin."""
    if breed.tail == "stub":
        pen.stroke([(0, 0), (26, -14), (40, -38)], 28, breed.coat, 19)
        pen.circle(40, -39, 8, breed.light)
    elif breed.tail == "thin":
        pen.stroke([(0, 0), (30, -8), (48, -32), (54, -62)], 15, breed.coat, 6)
    elif breed.tail == "curl":
        pen.stroke([(0, 0), (34, -16), (40, -52), (14, -60), (10, -38)], 24, breed.coat, 18)
    elif breed.tail == "pompon":
        pen.stroke([(0, 0), (24, -10), (38, -34)], 9, breed.coat)
        pen.circle(43, -46, 20, breed.ears)
    else:
        pen.blob(
            [(-8, -8), (24, -34), (44, -78), (58, -70), (64, -32), (36, 2), (4, 12)], breed.coat
        )
        pen.stroke([(10, 0), (40, -18), (54, -50)], 7, mix(breed.coat, breed.light, 0.5), 4)


def _bib(pen: Pen, breed: Breed) -> None:
    pen.blob([(0, -132), (30, -112), (30, -72), (14, -36), (0, -28), (-14, -36), (-30, -72),
              (-30, -112)], breed.light)  # fmt: skip


def _foreleg(pen: Pen, breed: Breed) -> None:
    pen.stroke([(22, -74), (22, -40), (21, -12)], 30, breed.coat, 25)
    if breed.socks:
        pen.stroke([(21.5, -26), (21, -10)], 25.5, breed.socks)
    pen.ellipse(22, -7, 19, 11, breed.paws)
    toe = mix(breed.paws, SHADOW_TINT, 0.4)
    for x in (16, 28):
        pen.stroke([(x, -7), (x, 0)], 2, toe)


def _collar(pen: Pen, breed: Breed) -> None:
    pen.stroke([(-36, -113), (0, -101), (36, -113)], 10, breed.collar)
    pen.circle(0, -91, 9, "#f6c64b")
    pen.circle(0, -91, 4, "#dc9f28")
