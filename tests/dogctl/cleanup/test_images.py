"""`dogctl cleanup images` on a real registry; what is in use comes from no cluster here."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup.pace import FIRST, Pace
from dogctl.registries.base import Login
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Secret
from tests.dogctl.conftest import Done, Project
from tests.testbed.registries.content import MANIFEST, OCI, Uploader
from tests.testbed.registries.faults import FaultyProxy, faulty
from tests.testbed.registries.registry import PASSWORD, USERNAME, RunningRegistry, binary, registry

pytestmark = pytest.mark.real
LOGIN = {"DOCKER_USERNAME": USERNAME, "DOCKER_PASSWORD": PASSWORD}
UNUSED = ("--allow-nothing-in-use", "--allow-most")


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def locked() -> Iterator[RunningRegistry]:
    with registry(password=PASSWORD) as found:
        yield found


@pytest.fixture
def proxy(locked: RunningRegistry) -> Iterator[FaultyProxy]:
    with faulty(locked.host) as found:
        yield found


class Shop:
    """A repository behind a proxy, and a project whose images it has."""

    def __init__(self, project: Project, locked: RunningRegistry, host: str, name: str) -> None:
        self.project = project
        self.began = datetime.now(UTC)
        self.uploader = Uploader(locked, name)
        self.ref = ImageRef(host, name)
        self.registry = OciRegistry(locked.host, lambda: Login(USERNAME, Secret(PASSWORD)))
        self.direct = ImageRef(locked.host, name)
        project.configure(f'[tool.dogctl]\nname = "shop"\ndocker-repo = "{self.ref.name}"\n')

    def image(self, tag: str, text: str, days: float, **more: Any) -> Digest:
        created = (self.began - timedelta(days=days)).isoformat()
        config = self.uploader.blob(json.dumps({"created": created, "text": text}).encode())
        described = {"mediaType": f"{OCI}.config.v1+json", **config}
        body = {"config": described, "layers": [], **more}
        return Digest.parse(self.uploader.manifest(tag, body, MANIFEST))

    def tags(self) -> set[str]:
        return set(self.registry.tags(self.direct))

    def has(self, digest: Digest) -> bool:
        return self.registry.resolve(self.direct.pinned(digest)) is not None

    def cleanup(self, *words: str) -> Done:
        return self.project.dogctl("cleanup", "images", *words, **LOGIN)


Make = Callable[[str], Shop]


@pytest.fixture
def shop(new_project: Callable[[], Project], locked: RunningRegistry, proxy: FaultyProxy) -> Make:
    return lambda name: Shop(new_project(), locked, proxy.host, f"team/{name}")


def decisions(done: Done) -> dict[str, Any]:
    """Why each image stays, by its tags; None for what goes."""
    items = done.json["data"]["items"]
    return {",".join(each["tags"]): each["reason"] if each["keep"] else None for each in items}


def test_by_hand(shop: Make, tmp_path: Path) -> None:
    store = shop("hand")
    digests = [store.image(f"main-{n}", f"m{n}", 10 + n) for n in range(4)]
    store.image("other-main-3", "m3", 13)
    arm, amd = store.image("", "arm", 40), store.image("", "amd", 41)
    store.uploader.index("1.0", {"arm64": str(arm), "amd64": str(amd)})
    young = store.image("dev-1", "young", 0.1)
    done = store.cleanup("--keep", "2", "--group", r"^(\w+)-", "--dry-run", "--json")
    assert done.code == 0, done.err
    assert decisions(done) == {
        "main-0": "one of the newest 2 of main",
        "main-1": "one of the newest 2 of main",
        "main-2": None,
        "main-3,other-main-3": "one of the newest 2 of other",
        "1.0": "one of the newest 2",
        "": "part of 1.0",
        "dev-1": "younger than 24 h",
    }
    assert store.has(digests[2])
    assert store.cleanup("--keep", "2", "--yes").code == 2  # nothing is in use anywhere
    plan = tmp_path / "plan.json"
    words = ("--keep", "1", "--group", r"^(\w+)-")
    assert store.cleanup(*words, "--plan-out", str(plan)).code == 0
    # What came after the plan is not in it.
    late = store.image("main-9", "late", 30)
    done = store.cleanup("--plan", str(plan), "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert store.tags() == {"main-0", "main-3", "other-main-3", "1.0", "dev-1", "main-9"}
    assert all(map(store.has, (digests[0], digests[3], arm, amd, young, late)))
    again = store.cleanup(*words, "--plan", str(plan), "--yes", "--json")
    assert (again.code, again.json["data"]["changed"]) == (0, False)


def test_an_index_goes_with_what_only_it_has(shop: Make) -> None:
    store = shop("families")
    shared, own = store.image("", "shared", 50), store.image("", "own", 50)
    old = Digest.parse(store.uploader.index("old", {"arm64": str(own), "amd64": str(shared)}))
    new = store.image("", "new", 5)
    store.uploader.index("new", {"arm64": str(new), "amd64": str(shared)})
    signature = store.image(f"sha256-{old.hex}.sig", "signed", 50)
    done = store.cleanup("--keep", "1", "--yes", "--allow-nothing-in-use", "--allow-most", "--json")
    assert done.code == 0, done.err
    assert not any(map(store.has, (old, own, signature)))
    assert all(map(store.has, (shared, new)))
    assert store.tags() == {"new"}


def test_faults_pass(shop: Make, proxy: FaultyProxy) -> None:
    store = shop("faults")
    for number in range(12):
        store.image(f"t{number}", str(number), 10 + number)
    proxy.fail(3, method="DELETE", status=429, headers={"Retry-After": "1"})
    proxy.fail(2, method="DELETE", status=503)
    proxy.cut(2, method="DELETE", late=True)
    done = store.cleanup("--keep", "2", "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert store.tags() == {"t0", "t1"}
    assert len(done.json["data"]["deleted"]) == 10


def test_one_that_cannot_go_is_told_and_the_rest_goes(shop: Make, proxy: FaultyProxy) -> None:
    store = shop("stuck")
    digests = [store.image(f"t{number}", str(number), 10 + number) for number in range(5)]
    proxy.fail(1, method="DELETE", path=f".*{digests[4].hex}", status=403)
    # Said to be done, and not done.
    proxy.fail(1, method="DELETE", path=f".*{digests[3].hex}", status=202)
    done = store.cleanup("--keep", "1", "--yes", *UNUSED)
    assert done.code == 1
    assert "2 of 4 could not be deleted" in done.err
    assert store.tags() == {"t0", "t3", "t4"}
    assert store.cleanup("--keep", "1", "--yes", *UNUSED).code == 0
    assert store.tags() == {"t0"}


@pytest.mark.parametrize("tagged", [True, False], ids=["by its tag", "by its subject"])
def test_a_signature_stays_with_what_cannot_go(
    shop: Make, proxy: FaultyProxy, *, tagged: bool
) -> None:
    store = shop(f"signed-{tagged}".lower())
    old, new = store.image("old", "old", 50), store.image("new", "new", 5)
    described = {"mediaType": MANIFEST, "digest": str(old), "size": 1}
    more = {} if tagged else {"subject": described}
    signature = store.image(f"sha256-{old.hex}.sig" if tagged else "", "sig", 50, **more)
    if not tagged:
        listed = json.dumps({"manifests": [{"digest": str(signature)}]}).encode()
        proxy.fail(9, path=f".*/referrers/{old}", status=200, body=listed)
    other = store.image(f"sha256-{new.hex}.sig", "other", 50)
    proxy.fail(1, method="DELETE", path=f".*{old.hex}", status=403)
    done = store.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert (done.code, done.json["error"]["code"]) == (1, "not-deleted")
    assert proxy.count("DELETE", f".*/manifests/{signature}") == 1
    assert all(map(store.has, (old, signature, new, other)))
    assert (f"sha256-{old.hex}.sig" in store.tags()) == tagged
    assert store.cleanup("--keep", "1", "--yes", *UNUSED).code == 0
    assert not any(map(store.has, (old, *((signature,) if tagged else ()))))
    assert all(map(store.has, (new, other)))


def test_a_registry_that_deletes_nothing_says_so(shop: Make, proxy: FaultyProxy) -> None:
    store = shop("closed")
    for number in range(3):
        store.image(f"t{number}", str(number), 10 + number)
    proxy.fail(99, method="DELETE", status=405)
    done = store.cleanup("--keep", "1", "--yes", *UNUSED)
    assert done.code == 1
    assert store.tags() == {"t0", "t1", "t2"}


def test_a_tag_that_moves_meanwhile_stays(shop: Make, proxy: FaultyProxy) -> None:
    store = shop("moves")
    store.image("t0", "0", 10)
    old = store.image("t1", "1", 11)
    words = ("--keep", "1", "--yes", *UNUSED)
    with proxy.hold(method="DELETE") as came:
        ends: list[Done] = []
        thread = Thread(target=lambda: ends.append(store.cleanup(*words)))
        thread.start()
        assert came.wait(60)
        new = store.image("t1", "moved", 0.1)
    thread.join()
    # The old digest went, the tag is on the new one.
    assert not store.has(old)
    assert store.has(new)
    assert ends[0].code == 0, ends[0].err


@contextmanager
def once_read(store: Shop, proxy: FaultyProxy) -> Iterator[list[Done]]:
    """A cleanup that is held until the end of the block when all is read, and then goes on.

    The last that the survey asks of a new image is its configuration.
    """
    ends: list[Done] = []
    words = ("--keep", "1", "--yes", *UNUSED)
    with proxy.hold(path=".*/blobs/.*") as came:
        thread = Thread(target=lambda: ends.append(store.cleanup(*words)))
        thread.start()
        assert came.wait(60)
        yield ends
    thread.join()


def test_one_that_is_pushed_meanwhile_keeps_its_parts(shop: Make, proxy: FaultyProxy) -> None:
    store = shop("meanwhile")
    shared = store.image("", "shared", 50)
    store.uploader.index("old", {"arm64": str(shared)})
    store.image("new", "new", 5)
    with once_read(store, proxy) as ends:
        new = store.image("", "newest", 1)
        store.uploader.index("new", {"arm64": str(shared), "amd64": str(new)})
    # A tag that has moved is no gap in the list of tags, and is seen before anything goes.
    assert ends[0].code == 0, ends[0].err
    assert all(map(store.has, (shared, new)))
    assert store.tags() == {"old", "new"}


def test_a_tag_that_goes_and_is_pushed_meanwhile_keeps_its_new_parts(
    shop: Make, proxy: FaultyProxy
) -> None:
    store = shop("taken-over")
    one, other = store.image("", "one", 60), store.image("", "other", 50)
    store.uploader.index("old", {"arm64": str(one)})
    store.uploader.index("older", {"arm64": str(other)})
    store.image("new", "new", 5)
    with once_read(store, proxy) as ends:
        fresh = store.image("", "fresh", 1)
        store.uploader.index("old", {"arm64": str(other), "amd64": str(fresh)})
    assert ends[0].code == 0, ends[0].err
    assert all(map(store.has, (other, fresh)))
    assert "old" in store.tags()


PHASES = {
    "survey": ("GET", ".*/manifests/t0"),
    "look": ("HEAD", ".*/manifests/t0"),
    "delete": ("DELETE", ".*"),
    "verify": ("HEAD", ".*/manifests/sha256:.*"),
}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda each: each.name)
@pytest.mark.parametrize("phase", PHASES)
def test_a_stopped_run_is_completed_by_the_next(
    shop: Make, proxy: FaultyProxy, phase: str, number: signal.Signals
) -> None:
    store = shop(f"stopped-{phase}-{number.name.lower()}")
    for each in range(8):
        store.image(f"t{each}", str(each), 10 + each)
    words = ("--keep", "2", "--yes", *UNUSED)
    argv = store.project.argv("cleanup", "images", *words, "--json")
    method, path = PHASES[phase]
    with (
        subprocess.Popen(
            argv,
            cwd=store.project.root,
            env=store.project.environ(**LOGIN),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        with proxy.hold(method=method, path=path) as came:
            assert came.wait(60)
            process.send_signal(number)
            if number is signal.SIGKILL:
                process.wait(60)
        said = process.communicate(timeout=60)[0]
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert json.loads(said)["error"]["code"] == "cancelled"
    assert {"t0", "t1"} <= store.tags()
    done = store.cleanup(*words, "--json")
    assert done.code == 0, done.err
    assert store.tags() == {"t0", "t1"}
    done = store.cleanup(*words, "--json")
    assert (done.code, done.json["data"]["changed"]) == (0, False)


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ((), "--keep, --older-than"),
        (("--keep", "0"), "--keep"),
        (("--older-than", "x"), "--older-than"),
        (("--older-than", "30"), "--older-than"),
        (("--keep", "1", "--group", "("), "--group"),
        (("--policy", "keep-latest"), "--policy"),
        (("--policy", "older-than-a-month", "--keep", "3"), "--policy"),
    ],
    ids=str,
)
def test_wrong_words(shop: Make, words: tuple[str, ...], where: str) -> None:
    done = shop("words").cleanup(*words, "--json")
    assert done.code == 2
    assert done.json["error"]["where"] == where


def test_the_pace_halves_once_for_a_crowd() -> None:
    slept: list[float] = []
    pace = Pace(slept.append)
    pace.pause(5)
    pace.pause(5)
    assert (slept, pace.allowed) == ([5, 5], FIRST // 2)


def test_a_long_rest_is_told_once() -> None:
    said: list[str] = []
    pace = Pace(lambda _: None, said.append)
    for seconds in (5, 300, 300):
        pace.pause(seconds)
    assert said == []  # those of the same crowd
    another = Pace(lambda _: None, said.append)
    another.pause(300)
    another.pause(300)
    assert said == ["the registry wants to be left alone for 300 s"]


def test_without_a_word_it_is_all_there_is(shop: Make) -> None:
    store = shop("all")
    for number in range(4):
        store.image(f"t{number}", str(number), 10 + number)
    words = ("cleanup", "--keep", "3", "--json", *UNUSED)
    looked = store.project.dogctl(*words, "--dry-run", **LOGIN)
    assert looked.code == 0, looked.err
    found = looked.json["data"]["images"]
    assert [each["tags"] for each in found["items"] if not each["keep"]] == [["t3"]]
    done = store.project.dogctl(*words, "--yes", **LOGIN)
    assert done.code == 0, done.err
    assert len(done.json["data"]["images"]["deleted"]) == 1
    assert store.tags() == {"t0", "t1", "t2"}
