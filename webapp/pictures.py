"""Is this a picture, of which type and size: told by decoding it, never by its name or header."""

from __future__ import annotations

import struct
import unicodedata
import warnings
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from webapp.settings import Limits

TYPES = {"GIF": "image/gif", "PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
NAME_LENGTH = 80
PNG_END = b"IEND\xaeB`\x82"


class PictureError(Exception):
    """Content that is not stored. `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Facts:
    """What a picture is: its content type, size in pixels, and number of frames."""

    type: str
    width: int
    height: int
    frames: int


def picture_id(content: bytes) -> str:
    """The name of a picture by its content: 32 hexadecimal digits."""
    return sha256(content).hexdigest()[:32]


def clean_name(text: str, usual: str = "Picture") -> str:
    """A name that is safe to show anywhere: one line, no control or direction characters."""
    printable = (
        " " if unicodedata.category(char)[0] in "CZ" else char
        for char in unicodedata.normalize("NFC", text)
    )
    return " ".join("".join(printable).split())[:NAME_LENGTH].strip() or usual


def measure(content: bytes) -> Facts:
    """The facts of a picture of our own, from its headers alone."""
    with Image.open(BytesIO(content), formats=tuple(TYPES)) as image:
        frames = getattr(image, "n_frames", 1)
        return Facts(TYPES[str(image.format)], image.width, image.height, frames)


def check(content: bytes, limits: Limits) -> Facts:
    """Decode every frame of a stranger's picture within the limits.

    Raises PictureError.
    """
    if len(content) > limits.bytes:
        raise PictureError("too-large", f"The picture has more than {limits.bytes:,} bytes.")
    try:
        with warnings.catch_warnings():
            # Pillow's own limit is far above ours, which is checked before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=tuple(TYPES)) as image:
                facts = _decode(image, limits)
    except UnidentifiedImageError:
        allowed = ", ".join(TYPES)
        raise PictureError("wrong-type", f"The content is none of {allowed}.") from None
    except Image.DecompressionBombError:
        raise _too_many_pixels(limits) from None
    except (OSError, ValueError, SyntaxError, IndexError, EOFError, struct.error) as error:
        # Pillow has no common base for what a damaged file can raise.
        raise PictureError("damaged", f"The picture cannot be decoded: {error}.") from None
    if not _is_complete(content, facts.type):
        raise PictureError("damaged", "The picture is cut short.")
    return facts


def _decode(image: Image.Image, limits: Limits) -> Facts:
    frames = total = 0
    while True:
        try:
            image.seek(frames)
        except EOFError:
            break
        frames += 1
        if frames > limits.frames:
            raise PictureError("too-large", f"The picture has more than {limits.frames} frames.")
        pixels = image.width * image.height
        total += pixels
        if pixels > limits.pixels or total > limits.total_pixels:
            raise _too_many_pixels(limits)
        image.load()
    return Facts(TYPES[str(image.format)], image.width, image.height, frames)


def _is_complete(content: bytes, content_type: str) -> bool:
    """Whether nothing is missing at the end.

    Pillow takes a GIF cut between or inside later frames as one with fewer frames, and does not
    miss the end of a PNG; it notices by itself when a JPEG or WebP is cut.
    """
    if content_type == "image/png":
        return PNG_END in content
    return content_type != "image/gif" or _gif_has_trailer(content)


def _gif_has_trailer(content: bytes) -> bool:
    """Walk the blocks of a GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt"""
    try:
        at = 13 + _colour_table(content[10])
        while (block := content[at]) != 0x3B:
            at += 1
            if block == 0x2C:
                at += 10 + _colour_table(content[at + 8])
            elif block == 0x21:
                at += 1
            else:
                # Pillow skips a stray byte too.
                continue
            while size := content[at]:
                at += 1 + size
            at += 1
    except IndexError:
        return False
    return True


def _colour_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _too_many_pixels(limits: Limits) -> PictureError:
    return PictureError(
        "too-large",
        f"The picture has more than {limits.pixels:,} pixels in a frame,"
        f" or {limits.total_pixels:,} in all frames together.",
    )
