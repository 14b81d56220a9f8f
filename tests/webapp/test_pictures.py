from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from tests.webapp.conftest import picture
from webapp.pictures import PictureError, check, clean_name, measure
from webapp.settings import Limits

SMALL = Limits(bytes=20_000, pixels=10_000, frames=5, total_pixels=30_000)
LARGE = Limits(bytes=200_000, pixels=10_000, frames=9, total_pixels=100_000)


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("GIF", "image/gif"), ("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")],
)
def test_four_types_are_known_by_their_content(kind: str, content_type: str) -> None:
    facts = check(picture(kind), SMALL)

    assert (facts.type, facts.width, facts.height, facts.frames) == (content_type, 8, 6, 1)
    assert measure(picture(kind)) == facts


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_frames_are_counted(kind: str) -> None:
    assert check(picture(kind, frames=5), SMALL).frames == 5


def refused(content: bytes, limits: Limits = SMALL) -> str:
    with pytest.raises(PictureError) as caught:
        check(content, limits)
    return caught.value.code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html>" * 100,
        picture("BMP"),
        picture("TIFF"),
        b"\x00" * 1000,
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    assert refused(content) in {"wrong-type", "damaged"}


@pytest.mark.parametrize("kind", ["GIF", "PNG", "JPEG", "WEBP"])
def test_a_picture_cut_short_is_refused(kind: str) -> None:
    noise = Image.effect_noise((90, 90), 80).convert("RGB")
    file = BytesIO()
    noise.save(file, kind)

    assert refused(file.getvalue()[: len(file.getvalue()) // 2]) == "damaged"


def noise(kind: str, frames: int) -> bytes:
    images = [Image.effect_noise((12, 12), 80 + index).convert("RGB") for index in range(frames)]
    file = BytesIO()
    images[0].save(file, kind, save_all=frames > 1, append_images=images[1:])
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "frames"),
    [("GIF", 1), ("GIF", 3), ("PNG", 1), ("PNG", 3), ("JPEG", 1), ("WEBP", 1), ("WEBP", 3)],
)
def test_a_picture_cut_anywhere_is_refused(kind: str, frames: int) -> None:
    content = noise(kind, frames)
    assert check(content, LARGE).frames == frames

    for size in range(len(content)):
        with pytest.raises(PictureError) as caught:
            check(content[:size], LARGE)
        # Of a header alone nobody can tell what it was to become.
        assert caught.value.code == "damaged" or size < 1000, size


def test_bytes_after_the_end_of_a_gif_do_no_harm() -> None:
    assert check(noise("GIF", 2) + b"\0\0", LARGE).frames == 2


def test_too_many_bytes() -> None:
    assert refused(b"x" * 20_001) == "too-large"


def test_too_many_frames() -> None:
    assert refused(picture(frames=6)) == "too-large"


def test_too_many_pixels_in_a_frame() -> None:
    assert refused(picture("PNG", size=(101, 100))) == "too-large"


def test_too_many_pixels_in_all_frames() -> None:
    assert refused(picture(size=(100, 80), frames=4)) == "too-large"


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    """30,000 by 30,000 pixels in a few hundred bytes."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [
            (b"IHDR", header),
            (b"IDAT", zlib.compress(b"\0" * 1000)),
            (b"IEND", b""),
        ]
    )

    assert refused(bomb) == "too-large"


def test_a_frame_larger_than_the_picture_is_refused() -> None:
    """The canvas of this GIF is small, one of its frames claims 5,000 by 5,000 pixels."""
    content = bytearray(picture(frames=2))
    second = content.index(b"\x2c", content.index(b"\x2c") + 1)
    content[second + 5 : second + 9] = struct.pack("<HH", 5000, 5000)

    assert refused(bytes(content)) in {"too-large", "damaged"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("My dog", "My dog"),
        ("  a\tb\nc  ", "a b c"),
        ("\x1b[31mred\x07", "[31mred"),
        ("abc\u202egod", "abc god"),
        ("e\u0301", "\u00e9"),
        ("", "Picture"),
        ("\u200b", "Picture"),
        ("x" * 200, "x" * 80),
    ],
)
def test_names_are_cleaned(given: str, kept: str) -> None:
    assert clean_name(given) == kept
