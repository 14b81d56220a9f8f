"""A dog seen from its right side; the origin is on the ground, below the middle of its back."""

import math
from dataclasses import dataclass

from webapp.artwork.breeds import INK, SHADOW_TINT, Breed
from webapp.artwork.face import MOUTH, PINK, Mood, draw_head
from webapp.artwork.motion import wave
from webapp.artwork.pen import Pen, Point, mix
from webapp.artwork.sitting import draw_tail

Foot = tuple[float, float]  # how far ahead of its hip or shoulder, how high above the ground


@dataclass(frozen=True)
class Pose:
    """How it stands: the four feet, and angles in degrees (a positive one turns downwards)."""

    near_fore: Foot = (0, 0)
    far_fore: Foot = (8, 0)
    near_hind: Foot = (0, 0)
    far_hind: Foot = (8, 0)
    pitch: float = 0
    rise: float = 0
    neck: Point = (34, -44)
    head: float = 0
    jaw: float = 0
    tail: float = 0
    ear: float = 0
    shut: bool = False
    tongue: float = 0
    mood: Mood | None = None  # with one the face is turned to us, without one it is a profile


def gallop(t: float, stride: float, lift: float) -> tuple[Foot, Foot, Foot, Foot]:
    """The feet (near and far fore, near and far hind) of one leap per turn of t."""
    return (
        _step(t, stride, lift, 0.0), _step(t, stride, lift, 0.12),
        _step(t, stride, lift, 0.5), _step(t, stride, lift, 0.62),
    )  # fmt: skip


def draw_walking(pen: Pen, breed: Breed, pose: Pose) -> Pen:
    """Gives a pen at the tip of the muzzle, for what the dog carries in its mouth."""
    back = pen.at(0, -breed.legs - breed.depth / 2 - pose.rise, pose.pitch)
    lift = breed.legs + breed.depth / 2 + pose.rise
    turn = math.radians(pose.pitch)
    far = mix(breed.coat, SHADOW_TINT, 0.26)
    _leg(pen, breed, _joint(breed, 1, lift, turn), pose.far_fore, far, hind=False)
    _leg(pen, breed, _joint(breed, -1, lift, turn), pose.far_hind, far, hind=True)
    draw_tail(back.at(-breed.length + 4, -breed.depth * 0.28, pose.tail).mirrored(), breed)
    _trunk(back, breed)
    _leg(pen, breed, _joint(breed, -1, lift, turn), pose.near_hind, breed.coat, hind=True)
    _leg(pen, breed, _joint(breed, 1, lift, turn), pose.near_fore, breed.coat, hind=False)
    return draw_neck_and_head(back.at(breed.length - 4, -breed.depth * 0.2), breed, pose)


def draw_neck_and_head(pen: Pen, breed: Breed, pose: Pose) -> Pen:
    x, y = pose.neck
    pen.stroke([(-4, 8), (x * 0.45, y * 0.55), (x, y)], breed.depth * 0.82, breed.coat, 46)
    pen.stroke([(x * 0.28 - 20, y * 0.55 - 8), (x * 0.55 + 4, y * 0.36 + 10), (x * 0.6 + 22,
    y * 0.5 + 16)],
               9, breed.collar)  # fmt: skip
    head = pen.at(x + 6, y - 8, pose.head)
    if pose.mood:
        draw_head(head.at(4, -12, scale=0.92), breed, pose.mood)
    else:
        draw_profile(head, breed, pose)
    return head.at(44 + breed.muzzle, 18)


def draw_profile(pen: Pen, breed: Breed, pose: Pose) -> None:
    """The head alone, looking right."""
    bat = breed.ear_shape == "bat"
    if breed.ear_shape in ("pointed", "bat"):
        _upright_ear(pen.at(2, -26, pose.ear), mix(breed.ears, SHADOW_TINT, 0.25), round_tip=bat)
    _jaw(pen, breed, pose)
    tip = 50 + breed.muzzle
    pen.ellipse(0, 0, 38, 36, breed.coat)
    pen.blob([(4, -26), (26, -14), (tip - 6, -6), (tip + 2, 6), (tip - 6, 17), (24, 24), (0, 22)],
             breed.coat)  # fmt: skip
    muzzle = breed.mask or breed.light
    pen.blob([(24, 2), (tip - 8, -3), (tip + 2, 7), (tip - 6, 17), (26, 23), (14, 16)], muzzle)
    _profile_marks(pen, breed)
    pen.ellipse(tip - 1, -2, 9, 8, INK)
    pen.ellipse(tip - 3, -5, 3.2, 1.8, "#8b7a78")
    line = mix(muzzle, SHADOW_TINT, 0.75)
    pen.stroke([(tip - 4, 14), (tip - 16, 18), (24, 19), (17, 12)], 3, line)
    _profile_eye(pen, breed, shut=pose.shut)
    _near_ear(pen, breed, pose.ear)


def _profile_marks(pen: Pen, breed: Breed) -> None:
    if breed.blaze:
        pen.blob([(20, -32), (30, -22), (38, -8), (30, 2), (24, -14)], breed.light)
    if breed.patch:
        pen.blob([(-6, -32), (18, -30), (30, -10), (18, 4), (0, -2)], breed.patch)
    if breed.brows:
        pen.ellipse(19, -21, 7, 4, breed.brows, 20)
    if breed.spots:
        for x, y, radius in ((-12, 14, 6), (4, -26, 5), (26, -18, 3.5)):
            pen.circle(x, y, radius, breed.spots)


def _profile_eye(pen: Pen, breed: Breed, *, shut: bool) -> None:
    if shut:
        pen.arc(17, -8, 8, 6, 20, 160, 4, INK)
        return
    if breed.coat < "#80":
        pen.ellipse(17, -8, 8, 9.6, mix(breed.coat, "#ffffff", 0.72))
    pen.ellipse(17, -8, 6.8, 8.4, INK if breed.eyes == INK else breed.eyes)
    pen.circle(19.5, -11, 2.7, "#ffffff")


def _jaw(pen: Pen, breed: Breed, pose: Pose) -> None:
    tip = 42 + breed.muzzle
    jaw = pen.at(8, 14, pose.jaw)
    if pose.jaw > 4:
        pen.blob(
            [(12, 12), (tip - 4, 10), (tip - 10 - pose.jaw * 0.4, 16 + pose.jaw * 0.6), (16, 26)],
            MOUTH,
        )
    jaw.blob(
        [(-4, 2), (tip - 18, 4), (tip - 10, 9), (tip - 20, 16), (10, 16)], breed.mask or breed.light
    )
    if pose.tongue > 0:
        tongue = 14 + 18 * pose.tongue
        jaw.stroke([(14, 3), (tip - 22, 3), (tip - 14, tongue)], 11, PINK, 13)


def _upright_ear(pen: Pen, colour: str, *, round_tip: bool = False) -> None:
    top: list[Point] = [(-13, -44), (3, -46)] if round_tip else [(-8, -50), (0, -50)]
    pen.blob([(-16, 10), (-19 if round_tip else -16, -20), *top, (12, -20), (16, 4)], colour)


def _near_ear(pen: Pen, breed: Breed, degrees: float) -> None:
    colour = breed.ears
    if breed.ear_shape in ("pointed", "bat"):
        bat = breed.ear_shape == "bat"
        ear = pen.at(-14, -26, degrees - 6)
        _upright_ear(ear, colour, round_tip=bat)
        _upright_ear(ear.at(0, -6, scale=0.56), mix(colour, "#ffb9ae", 0.62), round_tip=bat)
        return
    reach = {"folded": 26, "floppy": 50, "long": 66}.get(breed.ear_shape, 44)
    pen.at(-14, -20, degrees).blob(
        [
            (12, -8),
            (-10, -10),
            (-24, 6),
            (-24, reach * 0.7),
            (-14, reach),
            (0, reach * 0.82),
            (10, 16),
        ],
        colour,
    )


def _trunk(pen: Pen, breed: Breed) -> None:
    half, deep = breed.length, breed.depth / 2
    outline: list[Point] = [
        (-half, -deep * 0.75), (-half * 0.4, -deep), (half * 0.45, -deep), (half + 4, -deep * 0.7),
        (half + 16, 0), (half * 0.8, deep * 1.05), (half * 0.1, deep * 0.86), (-half * 0.5,
        deep * 0.7),
        (-half - 8, deep * 0.5), (-half - 14, -deep * 0.2),
    ]  # fmt: skip
    pen.blob(outline, breed.coat)
    pen.blob([(half * 0.95, deep * 0.2), (half * 0.8, deep * 1.0), (half * 0.1, deep * 0.84),
              (-half * 0.45, deep * 0.66), (half * 0.2, deep * 0.5)], breed.light)  # fmt: skip
    if breed.saddle:
        pen.blob([(-half * 0.8, -deep * 0.86), (-half * 0.2, -deep * 1.0), (half * 0.5,
        -deep * 1.0),
                  (half * 0.55, -deep * 0.3), (0, deep * 0.1), (-half * 0.7, -deep * 0.2)],
                  breed.saddle)  # fmt: skip
    if breed.spots:
        for x, y, radius in (
            (-0.7, -0.2, 9),
            (-0.3, 0.3, 7),
            (-0.1, -0.5, 10),
            (0.4, 0, 8),
            (0.7, -0.5, 6),
        ):
            pen.circle(x * half, y * deep, radius, breed.spots)


def _joint(breed: Breed, end: float, lift: float, turn: float) -> Point:
    """Where a leg joins the turned trunk: +1 is the shoulder, -1 the hip."""
    x, y = end * breed.length * (0.82 if end > 0 else 0.86), breed.depth * 0.12
    return x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn) - lift


def _leg(pen: Pen, breed: Breed, joint: Point, foot: Foot, colour: str, *, hind: bool) -> None:
    x, y = joint[0] + foot[0], -foot[1] - 5
    bend = min(26.0, foot[1] * 0.5)
    knee = (joint[0] + (x - joint[0]) * 0.5, joint[1] + (y - joint[1]) * 0.55)
    if hind:
        path = [joint, (knee[0] + 6 + bend, knee[1]), (x - 10, y - breed.legs * 0.3), (x, y)]
        pen.ellipse(joint[0], joint[1] + 6, breed.depth * 0.42, breed.depth * 0.5, colour)
    else:
        path = [joint, (knee[0] + bend * 0.8, knee[1]), (x - bend * 0.3, y - 12), (x, y)]
    thick = max(20.0, breed.depth * 0.44)
    pen.stroke(path, thick, colour, thick * 0.62)
    sock = mix(breed.paws, SHADOW_TINT, 0.2) if colour != breed.coat else breed.paws
    pen.stroke(path[2:], thick * 0.66, sock) if breed.socks else None
    pen.ellipse(x + 5, y - 1, thick * 0.56, 8, sock)


def _step(t: float, stride: float, lift: float, offset: float) -> Foot:
    ahead = wave(t, 1, offset)
    return ahead * stride, max(0.0, wave(t, 1, offset + 0.25)) * lift
