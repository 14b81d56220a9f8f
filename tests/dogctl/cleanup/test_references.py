"""What a text names of a repository."""

from __future__ import annotations

import base64
import gzip

import pytest

from dogctl.clouds.kubernetes import SECRETS
from dogctl.errors import DogctlError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup.in_use import _see_revision
from dogctl.lifecycle.cleanup.references import References

DIGEST = Digest("sha256", "ab" * 32)


@pytest.mark.parametrize(
    ("name", "text", "tags"),
    [
        ("host:5000/team/app", 'image: "host:5000/team/app:1.0"', {"1.0"}),
        ("host:5000/team/app", r'"manifest":"image: host:5000/team/app:1.0\nname: x"', {"1.0"}),
        ("host:5000/team/app", "host:5000/team/app", {"latest"}),
        ("host:5000/team/app", f"host:5000/team/app:1.0@{DIGEST}", {"1.0"}),
        ("host:5000/team/app", "host:5000/team/application:1.0", set()),
        ("host:5000/team/app", "host:5000/team/app/part:1.0", set()),
        ("host:5000/team/app", "other:5000/team/app:1.0", {"1.0"}),
        ("us-docker.pkg.dev/p/gcr.io/app", "eu.gcr.io/p/app:1.0 gcr.io/p/my-app:2", {"1.0"}),
        ("host:5000/team/app", "other:5000/team/app app:1.0 /app/x:2 http://h/app:/", set()),
        ("host:5000/team/app", "# was host:5000/team/app:1.0.", {"1.0", "1.0."}),
        ("docker.io/team/app", "index.docker.io/team/app:1 team/app:2", {"1", "2"}),
        ("docker.io/library/app", "app:1", {"1"}),
    ],
)
def test_names(name: str, text: str, tags: set[str]) -> None:
    found = References(ImageRef.parse(name))
    assert found.see(text.encode(), "here") == bool(tags)
    assert set(found.tags) == tags


def test_a_digest_counts_whatever_its_name() -> None:
    found = References(ImageRef.parse("host:5000/team/app"))
    found.see(f"mirror/app@{DIGEST}".encode(), "first")
    found.see(str(DIGEST).encode(), "second")
    assert found.digests == {DIGEST: "first"}


@pytest.mark.parametrize(
    "digest", [Digest("sha384", "c" * 96), Digest("sha512", "d" * 128)], ids=str
)
def test_digests_of_any_kind_count(digest: Digest) -> None:
    found = References(ImageRef.parse("host:5000/team/app"))
    found.see(f"image: host:5000/team/app@{digest}".encode(), "here")
    assert set(found.digests) == {digest}


def test_values_name_it_in_parts() -> None:
    found = References(ImageRef.parse("host:5000/team/app"))
    image = {"registry": "host:5000", "repository": "team/app", "tag": 2}
    found.see_values({"deep": [{"image": image}], "other": {"repository": "x"}}, "here")
    found.see_values({"repository": "host:5000/team/app", "tag": "3"}, "there")
    assert found.tags == {"2": "here", "3": "there"}


def test_a_torn_revision_stops_it() -> None:
    whole = gzip.compress(b'{"manifest": "' + b"x" * 100 + b'"}')
    torn = base64.b64encode(base64.b64encode(whole[:10] + b"\0" + whole[11:])).decode()
    secret = {"metadata": {"name": "sh.helm.release.v1.dogs.v1"}, "data": {"release": torn}}
    found = References(ImageRef.parse("host:5000/team/app"))
    with pytest.raises(DogctlError) as error:
        _see_revision(found, secret, "prod", SECRETS)
    assert error.value.code == "revision-unreadable"


def test_gaps_are_told_once_and_in_order() -> None:
    found = References(ImageRef.parse("host:5000/team/app"))
    for gaps in (["b", "a"], ["a", "c"]):
        found.add(References(None, gaps=gaps))
    assert found.in_use().gaps == ("b", "a", "c")
    assert not found.empty().gaps
