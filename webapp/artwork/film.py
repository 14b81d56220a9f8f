"""From a scene to a file: frames, one palette for all of them, and a GIF or PNG."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from webapp.artwork.pen import HEIGHT, OVERSAMPLING, WIDTH, Pen, canvas

Scene = Callable[[Pen, float], None]

COLOURS = 47
# A change of a colour channel too small to be seen, which would only make the file larger.
TOLERANCE = 8


@dataclass(frozen=True)
class Picture:
    """A file to draw: `scene` paints the moment t of the loop, `frames` how many there are.

    One frame makes a PNG, more make a GIF, shown at `fps` frames per second.
    """

    name: str
    scene: Scene
    ground: str
    frames: int = 30
    fps: int = 16

    @property
    def filename(self) -> str:
        return f"{self.name}.{'gif' if self.frames > 1 else 'png'}"


def draw(picture: Picture) -> list[Image.Image]:
    """The frames of the picture, all in the same palette."""
    frames = _steadied([_frame(picture, i / picture.frames) for i in range(picture.frames)])
    palette = _palette(frames)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def save(picture: Picture, folder: Path) -> Path:
    """Draws the picture into the folder; gives the path of the file."""
    path = folder / picture.filename
    first, *others = draw(picture)
    if others:
        # A GIF counts in hundredths of a second.
        duration = round(100 / picture.fps) * 10
        first.save(
            path, save_all=True, append_images=others, duration=duration, loop=0, optimize=True
        )
    else:
        first.save(path, optimize=True)
    return path


def _frame(picture: Picture, t: float) -> Image.Image:
    image, pen = canvas(picture.ground)
    picture.scene(pen, t)
    return image.reduce(OVERSAMPLING)


def _steadied(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """The frames, with each pixel left as it was until it changes visibly."""
    steady = [frames[0]]
    for frame in frames[1:]:
        red, green, blue = ImageChops.difference(frame, steady[-1]).split()
        largest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
        changed = largest.point([0] * (TOLERANCE + 1) + [255] * (255 - TOLERANCE))
        steady.append(Image.composite(frame, steady[-1], changed))
    return steady


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """The flat colours exactly as drawn, and the best few for the mixed ones at the edges."""
    counts: Counter[tuple[int, int, int]] = Counter()
    for frame in frames[:: max(1, len(frames) // 8)]:
        colours = frame.getcolors(WIDTH * HEIGHT) or []
        counts.update({colour: count for count, colour in colours})  # type: ignore[misc]
    flat = [colour for colour, _ in counts.most_common(COLOURS // 2)]
    mixed = _reduced({c: n for c, n in counts.items() if c not in set(flat)}, COLOURS - len(flat))
    image = Image.new("P", (1, 1))
    image.putpalette([channel for colour in [*flat, *mixed] for channel in colour])
    return image


def _reduced(counts: dict[tuple[int, int, int], int], size: int) -> list[tuple[int, int, int]]:
    if not counts:
        return []
    swatch = Image.new("RGB", (len(counts), 1))
    swatch.putdata(list(counts))
    small = swatch.quantize(size, method=Image.Quantize.MEDIANCUT, kmeans=2)
    channels = small.getpalette() or []
    return [(channels[i], channels[i + 1], channels[i + 2]) for i in range(0, len(channels), 3)]
