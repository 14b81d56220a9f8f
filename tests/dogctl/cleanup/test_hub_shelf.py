"""What is made of what Docker Hub tells, without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup.hub_shelf import times
from dogctl.registries.dockerhub_answers import HubManifest, HubTag
from dogctl.registries.inventory import Told
from dogctl.registries.survey import survey
from tests.dogctl.cleanup.worlds import digest

REF = ImageRef("docker.io", "team/app")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def tag(name: str, number: int | None, pushed: datetime | None) -> HubTag:
    return HubTag(name, None if number is None else digest(number), pushed)


@pytest.mark.parametrize(
    ("tags", "stated", "expected"),
    [
        ([tag("a", 1, NOW), tag("b", 1, LATER)], [], LATER),
        ([tag("a", 1, NOW), tag("b", 1, NOW)], [LATER], LATER),
        ([tag("a", 1, LATER), tag("b", 1, LATER)], [NOW], LATER),
        ([tag("a", 1, LATER), tag("b", 1, LATER)], [None], LATER),
        # A time of something else says nothing, and one tag of which nothing is known is enough.
        ([tag("a", 1, NOW), tag("b", 2, NOW)], [NOW], None),
        ([tag("a", 1, NOW), tag("b", None, NOW)], [NOW], None),
        ([tag("a", 1, NOW), tag("b", 1, None)], [NOW], None),
        ([tag("a", 1, NOW)], [NOW], None),
    ],
    ids=["latest", "manifest", "tag", "silent", "moved", "old", "timeless", "missing"],
)
def test_a_digest_is_as_young_as_the_youngest_of_all(
    tags: list[HubTag], stated: list[datetime | None], expected: datetime | None
) -> None:
    manifests = [HubManifest(digest(1), (), each) for each in stated]
    pushed = times({each.name: each for each in tags}, manifests)
    assert pushed(digest(1), ("a", "b")) == expected


def test_a_tag_without_a_digest_counts_where_its_manifest_has_it() -> None:
    tags = {"a": tag("a", None, LATER), "b": tag("b", 2, LATER)}
    pushed = times(tags, [HubManifest(digest(1), ("a", "b"), NOW)])
    assert pushed(digest(1), ("a",)) == LATER
    assert pushed(digest(1), ("a", "b")) is None
    assert pushed(digest(2), ("a",)) is None


def test_what_has_no_tag_is_as_young_as_is_said_of_it() -> None:
    pushed = times({}, [HubManifest(digest(1), (), NOW), HubManifest(digest(2), (), None)])
    assert [pushed(digest(number), ()) for number in (1, 2, 3)] == [NOW, None, None]


class Shown:
    """A registry with these manifests, of which the tags are on the first ones."""

    def __init__(self, bodies: Mapping[int, Mapping[str, Any]], tags: Mapping[str, int]) -> None:
        self.bodies = bodies
        self.on = tags

    def pages(self, _ref: ImageRef, _after: str | None = None) -> Iterator[Mapping[str, Any]]:
        yield {"tags": sorted(self.on)}

    def manifest(self, ref: ImageRef) -> tuple[Digest, Mapping[str, Any]] | None:
        found = int(ref.digest.hex, 16) if ref.digest else self.on[str(ref.tag)]
        return (digest(found), self.bodies[found]) if found in self.bodies else None

    def blob(self, _ref: ImageRef, _digest: Digest) -> bytes | None:
        raise AssertionError("no time at which an image was created counts")

    def may_be_manifest(self, _ref: ImageRef, _digest: Digest) -> bool:
        return True

    def referrers(self, _ref: ImageRef, _digest: Digest) -> tuple[Digest, ...] | None:
        return None


def index(*children: int) -> dict[str, Any]:
    return {"manifests": [{"digest": str(digest(each))} for each in children]}


def test_a_part_came_with_the_last_that_names_it() -> None:
    shown = Shown(
        {1: index(3, 4), 2: index(3, 5), 3: {}, 4: {}, 5: {}}, {"old": 1, "new": 2, "x": 5}
    )
    known = {digest(1): NOW, digest(2): LATER}
    told = Told(lambda each, _: known.get(each), cascades=True, immutable=("x",), notes=("n",))
    found = survey(shown, REF, tell=lambda _: told)
    assert {int(each.digest.hex, 16): each.pushed for each in found.items} == {
        1: NOW,
        2: LATER,
        3: LATER,
        4: NOW,
        5: None,  # a tag came at a time of its own, and nobody knows which
    }
    assert [each.tags for each in found.items if each.immutable] == [("x",)]
    assert (found.cascades, found.notes, found.gaps) == (True, ("n",), ())


def test_what_is_told_besides_the_listing_is_read_too() -> None:
    shown = Shown({1: {}, 2: {}, 3: {}}, {"a": 1, "b": 2})
    told = Told(lambda *_: NOW, tags=("b",), manifests=(digest(3), digest(4)), gaps=("b",))
    shown.pages = lambda *_: iter([{"tags": ["a"]}])  # type: ignore[method-assign]
    found = survey(shown, REF, tell=lambda listed: told if list(listed) == ["a"] else None)
    assert [each.tags for each in found.items] == [("a",), ("b",), ()]
    assert found.gaps == ("b",)
