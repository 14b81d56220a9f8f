"""The committed pictures are what the drawing script draws, and light enough for a page."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageSequence

from webapp.artwork.catalog import COLLECTIONS
from webapp.artwork.film import Picture, save
from webapp.artwork.pen import HEIGHT, WIDTH, mix, smooth

COMMITTED = Path(__file__).parents[2] / "webapp" / "collections"
FILES = [
    COMMITTED / collection / picture.filename
    for collection, pictures in COLLECTIONS.items()
    for picture in pictures
]
LARGEST = 150_000  # bytes
MOST_FRAMES = 60


def frames(path: Path) -> list[Image.Image]:
    with Image.open(path) as image:
        return [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]


def picture(name: str) -> Picture:
    return next(p for pictures in COLLECTIONS.values() for p in pictures if p.name == name)


def test_every_collection_has_its_files_and_no_others() -> None:
    for collection, pictures in COLLECTIONS.items():
        found = {path.name for path in (COMMITTED / collection).iterdir()}
        assert found == {picture.filename for picture in pictures}


def test_there_are_enough_pictures() -> None:
    assert len(COLLECTIONS["dogs"]) >= 12
    assert len(COLLECTIONS["stars"]) >= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_is_a_light_picture(path: Path) -> None:
    decoded = frames(path)
    assert path.stat().st_size < LARGEST
    assert len(decoded) <= MOST_FRAMES
    assert {frame.size for frame in decoded} == {(WIDTH, HEIGHT)}


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.suffix == ".gif"], ids=lambda path: path.name
)
def test_gif_moves_forever_at_a_smooth_pace(path: Path) -> None:
    with Image.open(path) as image:
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
        assert image.info["loop"] == 0
    assert len(durations) > 10
    assert sum(durations) / len(durations) <= 1000 / 12  # milliseconds


def test_every_dog_moves() -> None:
    assert all(picture.filename.endswith(".gif") for picture in COLLECTIONS["dogs"])


@pytest.mark.parametrize("name", ["wagging-corgi", "nebula"])
def test_drawing_again_gives_the_committed_frames(name: str, tmp_path: Path) -> None:
    collection = "dogs" if picture(name) in COLLECTIONS["dogs"] else "stars"
    drawn = frames(save(picture(name), tmp_path))
    committed = frames(COMMITTED / collection / picture(name).filename)
    assert len(drawn) == len(committed)
    for ours, theirs in zip(drawn, committed, strict=True):
        assert ImageChops.difference(ours, theirs).getbbox() is None


def test_a_closed_curve_has_no_seam_and_an_open_one_keeps_its_ends() -> None:
    corners = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)]
    assert len(smooth(corners, closed=True)) == 24
    line = smooth(corners, closed=False)
    assert (line[0], line[-1]) == (corners[0], corners[-1])


def test_mix_goes_from_one_colour_to_the_other() -> None:
    assert mix("#000000", "#ffffff", 0) == "#000000"
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#000000", "#ffffff", 1) == "#ffffff"
