"""Everything that is in a repository, and its end: with a real registry, and Google's listing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dogctl.errors import DogctlError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup.shelves import OciShelf
from dogctl.registries.base import Login
from dogctl.registries.inventory import Inventory, Item, Kind
from dogctl.registries.oci import OciRegistry
from dogctl.registries.survey import survey
from dogctl.secrets import Secret
from tests.testbed.registries.content import INDEX, MANIFEST, OCI, Uploader
from tests.testbed.registries.faults import faulty
from tests.testbed.registries.registry import PASSWORD, USERNAME, RunningRegistry, binary, registry

pytestmark = pytest.mark.real
LOGIN = Login(USERNAME, Secret(PASSWORD))
CREATED = "org.opencontainers.image.created"


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def locked() -> Iterator[RunningRegistry]:
    with registry(password=PASSWORD) as found:
        yield found


@pytest.fixture
def driver(locked: RunningRegistry) -> OciRegistry:
    return OciRegistry(locked.host, lambda: LOGIN)


def dated(uploader: Uploader, tag: str, text: str, created: str, **more: Any) -> Digest:
    """An image with a time."""
    config = uploader.blob(f'{{"created": "{created}", "text": "{text}"}}'.encode())
    described = {"mediaType": f"{OCI}.config.v1+json", **config}
    return Digest.parse(
        uploader.manifest(tag, {"config": described, "layers": [], **more}, MANIFEST)
    )


def by_digest(found: Inventory) -> dict[Digest, Item]:
    return {each.digest: each for each in found.items}


def test_families_and_their_times(locked: RunningRegistry, driver: OciRegistry) -> None:
    uploader = Uploader(locked, "team/families")
    arm = dated(uploader, "", "arm", "2025-01-01T00:00:00.123456789Z")
    amd = dated(uploader, "1.0-amd64", "amd", "2025-02-01T00:00:00Z")
    proof = Digest.parse(uploader.image("", "no time"))
    index = Digest.parse(
        uploader.index("1.0", {"arm64": str(arm), "amd64": str(amd), "unknown": str(proof)})
    )
    signature = Digest.parse(uploader.image(f"sha256-{index.hex}.sig", "signed"))
    lone = dated(uploader, "", "lone", "2024-01-01T00:00:00Z")
    ref = ImageRef(locked.host, "team/families")
    found = survey(driver, ref, [lone, Digest("sha256", "0" * 64)])
    items = by_digest(found)
    assert found.gaps == ()
    assert set(items) >= {arm, amd, proof, index, signature, lone}
    assert items[index].kind is Kind.INDEX
    assert items[index].children == (arm, amd, proof)
    assert items[index].pushed == items[proof].pushed == datetime(2025, 2, 1, tzinfo=UTC)
    assert items[arm].pushed == datetime(2025, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert items[amd].tags == ("1.0-amd64",)
    assert (items[signature].kind, items[signature].subject) == (Kind.REFERRER, index)
    assert (items[lone].tags, items[signature].pushed) == ((), None)


def test_a_build_cache_is_no_trouble(locked: RunningRegistry, driver: OciRegistry) -> None:
    """BuildKit's is an index whose parts are layers, and a configuration of its own kind."""
    uploader = Uploader(locked, "team/cached")
    layer = {"mediaType": f"{OCI}.layer.v1.tar+gzip", **uploader.blob(b"layer")}
    config = {"mediaType": "application/vnd.buildkit.cacheconfig.v0", **uploader.blob(b"{}")}
    cache = Digest.parse(uploader.manifest("cache", {"manifests": [layer, config]}, INDEX))
    image = dated(uploader, "1.0", "image", "2025-01-01T00:00:00Z")
    found = by_digest(survey(driver, ImageRef(locked.host, "team/cached")))
    assert set(found) == {cache, image}
    assert found[cache].pushed is None


def test_a_tag_alone_makes_no_signature(locked: RunningRegistry, driver: OciRegistry) -> None:
    uploader = Uploader(locked, "team/named")
    own = dated(uploader, "", "own", "2025-01-01T00:00:00Z")
    body = uploader.session.get(f"{uploader.base}/manifests/{own}").json()
    uploader.session.put(
        f"{uploader.base}/manifests/sha256-{own.hex}",
        data=uploader.session.get(f"{uploader.base}/manifests/{own}").content,
        headers={"Content-Type": body["mediaType"]},
    )
    image = dated(uploader, f"sha256-{'1' * 64}", "an image", "2025-01-01T00:00:00Z")
    both = dated(uploader, f"sha256-{own.hex}.sbom", "list", "2025-01-01T00:00:00Z")
    assert dated(uploader, "1.0", "list", "2025-01-01T00:00:00Z") == both
    items = by_digest(survey(driver, ImageRef(locked.host, "team/named")))
    assert items[own].tags == (f"sha256-{own.hex}",)
    assert {each.kind for each in items.values()} == {Kind.IMAGE}
    assert items[both].subjects == (own,)
    assert items[image].subjects == (Digest("sha256", "1" * 64),)


def test_a_digest_goes_with_all_its_tags(locked: RunningRegistry, driver: OciRegistry) -> None:
    uploader = Uploader(locked, "team/shared")
    shared = dated(uploader, "a", "x", "2025-01-01T00:00:00Z")
    assert dated(uploader, "b", "x", "2025-01-01T00:00:00Z") == shared
    dated(uploader, "c", "y", "2025-01-01T00:00:00Z")
    ref = ImageRef(locked.host, "team/shared")
    assert by_digest(survey(driver, ref))[shared].tags == ("a", "b")
    assert driver.delete(ref, shared)
    assert not driver.delete(ref, shared)
    assert [each.tags for each in survey(driver, ref).items] == [("c",)]


def test_a_listing_that_stops_early_is_asked_to_go_on(locked: RunningRegistry) -> None:
    uploader = Uploader(locked, "team/short")
    for number in range(3):
        dated(uploader, f"t{number}", str(number), "2025-01-01T00:00:00Z")
    with faulty(locked.host) as proxy:
        # One page without a link to the next one.
        proxy.fail(1, path=".*/tags/list", status=200, body=b'{"name": "x", "tags": ["t0"]}')
        found = survey(OciRegistry(proxy.host, lambda: LOGIN), ImageRef(proxy.host, "team/short"))
        proxy.fail(1, path=".*/tags/list", status=200, body=b'{"name": "x", "tags": ["t0"]}')
        ref = ImageRef(proxy.host, "team/short")
        tags = OciShelf(OciRegistry(proxy.host, lambda: LOGIN), ref).tags()
    assert tags == {each.tags[0] for each in found.items} == {"t0", "t1", "t2"}
    assert found.gaps == ()


def test_tags_that_come_meanwhile_are_a_gap(locked: RunningRegistry) -> None:
    dated(Uploader(locked, "team/moving"), "t0", "0", "2025-01-01T00:00:00Z")
    with faulty(locked.host) as proxy:
        proxy.fail(2, path=".*/tags/list", status=200, body=b'{"tags": ["t0", "gone"]}')
        found = survey(OciRegistry(proxy.host, lambda: LOGIN), ImageRef(proxy.host, "team/moving"))
    assert found.gaps == ("its tags changed while they were read",)


def test_a_tag_that_cannot_be_read_is_a_gap(locked: RunningRegistry) -> None:
    uploader = Uploader(locked, "team/unread")
    dated(uploader, "t0", "0", "2025-01-01T00:00:00Z")
    dated(uploader, "t1", "1", "2025-01-01T00:00:00Z")
    with faulty(locked.host) as proxy:
        proxy.fail(9, path=".*/manifests/t1", status=404)
        found = survey(OciRegistry(proxy.host, lambda: LOGIN), ImageRef(proxy.host, "team/unread"))
    assert found.gaps == ("the tag t1 is listed, and there is nothing to read behind it",)


@pytest.mark.parametrize(
    ("link", "body", "says"),
    [
        ("</v2/team/odd/tags/list>; rel=next", b'{"tags": []}', "in a circle"),
        ("<?last=a>; rel=next", b'{"tags": []}', "in a circle"),
        ("<https://elsewhere.example/v2/x>; rel=next", b'{"tags": []}', "to another host"),
        ("", b"<html>", "no registry"),
        ("", b"[]", "no registry"),
    ],
    ids=["itself", "circle", "elsewhere", "page", "list"],
)
def test_odd_pages_are_no_inventory(
    locked: RunningRegistry, link: str, body: bytes, says: str
) -> None:
    with faulty(locked.host) as proxy:
        headers = {"Link": link} if link else {}
        proxy.fail(9, path=".*/tags/list", status=200, headers=headers, body=body)
        with pytest.raises(DogctlError, match=says) as error:
            survey(OciRegistry(proxy.host, lambda: LOGIN), ImageRef(proxy.host, "team/odd"))
    assert error.value.code == "registry-inconsistent"


def test_what_cannot_be_read_is_no_inventory(locked: RunningRegistry) -> None:
    dated(Uploader(locked, "team/broken"), "t0", "0", "2025-01-01T00:00:00Z")
    ref = ImageRef(locked.host, "team/broken")
    with faulty(locked.host) as proxy:
        proxy.fail(100, path=".*/manifests/.*", status=403)
        broken = OciRegistry(proxy.host, lambda: LOGIN)
        with pytest.raises(DogctlError, match="may not"):
            survey(broken, ImageRef(proxy.host, ref.repository))


def test_google_tells_of_all_manifests_and_when_they_came(locked: RunningRegistry) -> None:
    uploader = Uploader(locked, "team/google")
    tagged = dated(uploader, "1", "1", "2025-01-01T00:00:00Z")
    untagged = dated(uploader, "", "2", "2025-01-01T00:00:00Z")
    times = ",".join(
        f'"{each}": {{"timeUploadedMs": "1767225600000", "timeCreatedMs": "0"}}'
        for each in (tagged, untagged)
    )
    listing = f'{{"tags": ["1"], "manifest": {{{times}}}}}'.encode()
    with faulty(locked.host) as proxy:
        proxy.fail(9, path=".*/tags/list", status=200, body=listing)
        found = survey(OciRegistry(proxy.host, lambda: LOGIN), ImageRef(proxy.host, "team/google"))
    assert {each.digest for each in found.items} == {tagged, untagged}
    assert {each.pushed for each in found.items} == {datetime(2026, 1, 1, tzinfo=UTC)}


def test_referrers_are_found_by_their_api(locked: RunningRegistry) -> None:
    uploader = Uploader(locked, "team/referred")
    subject = dated(uploader, "1", "1", "2025-01-01T00:00:00Z")
    described = {"mediaType": MANIFEST, "digest": str(subject), "size": 1}
    proof = dated(uploader, "", "proof", "2025-01-02T00:00:00Z", subject=described)
    body = f'{{"manifests": [{{"digest": "{proof}"}}]}}'.encode()
    with faulty(locked.host) as proxy:
        proxy.fail(9, path=f".*/referrers/{subject}", status=200, body=body)
        found = survey(
            OciRegistry(proxy.host, lambda: LOGIN), ImageRef(proxy.host, "team/referred")
        )
    assert by_digest(found)[proof].subject == subject
