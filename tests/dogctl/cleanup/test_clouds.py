"""`dogctl cleanup images` at Google, GitHub and Amazon, as their registries answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.dogctl.cleanup.cloud_shop import UNUSED, CloudShop, decisions
from tests.dogctl.conftest import Project
from tests.testbed.registries.google_registry import NAME, GoogleRegistry, google_registry
from tests.testbed.registries.registry import RunningRegistry, binary, registry
from tests.testbed.registries.ruled import Ruled, ruled
from tests.testbed.registries.tunnel import tunnel

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def storage() -> Iterator[RunningRegistry]:
    with registry() as found:
        yield found


@pytest.fixture
def google(storage: RunningRegistry) -> Iterator[GoogleRegistry]:
    with google_registry(storage) as found:
        yield found


@pytest.fixture
def shop(
    new_project: Callable[[], Project], storage: RunningRegistry, google: GoogleRegistry
) -> Iterator[Callable[[str], CloudShop]]:
    with tunnel({NAME: google.handler}) as environ:

        def make(name: str) -> CloudShop:
            stored = google.repository(f"dogs/images/{name}")
            repository = f"{NAME}/dogs/images/{name}"
            user = google.user
            return CloudShop.open(new_project(), storage, stored, repository, environ, user)

        yield make


def test_google_by_hand(shop: Callable[[str], CloudShop], google: GoogleRegistry) -> None:
    store = shop("hand")
    arm, amd = store.image("", "arm", 41), store.image("", "amd", 41)
    new = store.index("1.0", 40, arm64=arm, amd64=amd)
    old_arm = store.image("", "old arm", 51)
    # What is in an index that stays goes neither with the other one nor alone.
    old = store.index("0.9", 50, arm64=old_arm, amd64=amd)
    signed = store.image("", "signed", 50, subject=old)
    twice = store.image("a", "twice", 60)
    assert store.image("b", "twice", 55) == twice
    lost, fresh = store.image("", "lost", 60), store.image("", "fresh", 0.1)
    words = ("--keep", "1", "--yes", "--json", *UNUSED)
    done = store.cleanup(*words)
    assert decisions(done) == {
        "1.0": "one of the newest 1",
        **dict.fromkeys(map(str, (arm, amd)), "part of 1.0"),
        str(fresh): "younger than 24 h",
        **dict.fromkeys(["0.9", "a,b", *map(str, (old_arm, signed, lost))]),
    }
    assert set(store.stored) == {"1.0"}
    assert set(store.stored.manifests()) == {str(each) for each in (new, arm, amd, fresh)}
    # Nothing was tried that Google refuses.
    assert google.count("DELETE", status=400) == 0
    again = store.cleanup(*words)
    assert (again.code, again.json["data"]["changed"]) == (0, False)


def test_immutable_tags_of_google_stay_and_are_told(
    shop: Callable[[str], CloudShop], google: GoogleRegistry
) -> None:
    store = shop("immutable")
    google.immutable = True
    old = store.image("old", "old", 50)
    lost = store.image("", "lost", 50)
    store.image("new", "new", 5)
    done = store.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert done.json["data"]["dropped"] == {str(old): "its tag is immutable"}
    assert done.json["data"]["deleted"] == [str(lost)]
    assert set(store.stored) == {"old", "new"}
    shown = store.cleanup("--keep", "1", "--yes", *UNUSED)
    assert f"{old} stays: its tag is immutable" in shown.out


def test_a_parent_that_is_pushed_meanwhile_is_refused_by_google_and_told(
    shop: Callable[[str], CloudShop], google: GoogleRegistry
) -> None:
    store = shop("parent")
    child = store.image("child", "child", 50)
    store.image("new", "new", 5)
    with google.hold(method="DELETE", path=".*/sha256:.*") as came:
        found = store.start("--keep", "1", "--yes", *UNUSED)
        assert came.wait(60)
        store.index("late", 0.01, arm64=child)
    done = found.result(60)
    assert done.code == 1
    assert "1 of 1 could not be deleted" in done.err
    assert store.has(child)


@pytest.mark.parametrize(
    ("host", "status", "user", "says"),
    [
        ("ghcr.io", 405, "dog", "delete versions on the package's page at GitHub"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", 404, "AWS", "put-lifecycle-policy"),
        ("registry.example", 405, "dog", "storage.delete.enabled"),
    ],
    ids=["GitHub", "Amazon", "others"],
)
def test_a_registry_that_deletes_nothing_says_what_does(
    new_project: Callable[[], Project],
    storage: RunningRegistry,
    host: str,
    status: int,
    user: str,
    says: str,
) -> None:
    rules = Ruled(storage)
    rules.realm, rules.refuses, rules.user = f"https://{host}/token", status, user
    name = f"team/{user}{status}{len(host)}".lower()
    with ruled(rules, storage), tunnel({host: rules.handler}) as environ:
        stored = rules.repository(name)
        store = CloudShop.open(new_project(), storage, stored, f"{host}/{name}", environ, user)
        for number in range(3):
            store.image(f"t{number}", str(number), 10 + number)
        done = store.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert done.code == 1
    assert done.json["error"]["code"] == "registry-without-delete"
    assert says in done.json["error"]["hint"]
    assert set(stored) == {"t0", "t1", "t2"}
