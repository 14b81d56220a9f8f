"""`dogctl cleanup images` at Docker Hub: its API and its registry, over the same real storage."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.dogctl.cleanup.cloud_shop import UNUSED, CloudShop, decisions
from tests.dogctl.conftest import Project
from tests.testbed.registries.faults import FaultyProxy, faulty
from tests.testbed.registries.hub import Hub, Repository, hub
from tests.testbed.registries.hub_registry import NAMES, HubRegistry, hub_registry
from tests.testbed.registries.registry import PASSWORD, USERNAME, RunningRegistry, binary, registry
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
def api() -> Iterator[Hub]:
    with hub() as found:
        yield found


@pytest.fixture
def faults(api: Hub) -> Iterator[FaultyProxy]:
    """Before Docker Hub's own API; its registry has faults of its own."""
    with faulty(api.url.removeprefix("http://")) as found:
        yield found


@pytest.fixture
def docker(storage: RunningRegistry) -> Iterator[HubRegistry]:
    with hub_registry(storage) as found:
        yield found


Make = Callable[[str], CloudShop]


@pytest.fixture
def shop(
    new_project: Callable[[], Project],
    storage: RunningRegistry,
    api: Hub,
    docker: HubRegistry,
) -> Iterator[Make]:
    hosts = {"hub.docker.com": api.handler, **dict.fromkeys(NAMES, docker.handler)}
    with tunnel(hosts) as environ:

        def make(name: str) -> CloudShop:
            repository = f"team/{name}"
            stored = docker.repository(repository)
            api.repositories[repository] = Repository(stored)
            return CloudShop.open(new_project(), storage, stored, repository, environ, USERNAME)

        yield make


def test_by_hand(shop: Make, docker: HubRegistry) -> None:
    store = shop("hand")
    digests = [store.image(f"main-{n}", f"m{n}", 10 + n) for n in range(4)]
    store.image("other-main-3", "m3", 13)
    arm, amd = store.image("", "arm", 41), store.image("", "amd", 41)
    store.index("1.0", 40, arm64=arm, amd64=amd)
    old_arm, old_amd = store.image("", "old arm", 51), store.image("", "old amd", 51)
    old = store.index("0.9", 50, arm64=old_arm, amd64=old_amd)
    lost, fresh = store.image("", "lost", 60), store.image("", "fresh", 0.1)
    words = ("--keep", "1", "--group", r"^(\w+)-")
    done = store.cleanup(*words, "--dry-run", "--json")
    assert decisions(done) == {
        "main-0": "one of the newest 1 of main",
        "main-1": None,
        "main-2": None,
        "main-3,other-main-3": "one of the newest 1 of other",
        "1.0": "one of the newest 1",
        "0.9": None,
        str(fresh): "younger than 24 h",
        **dict.fromkeys(map(str, (arm, amd)), "part of 1.0"),
        **dict.fromkeys(map(str, (old_arm, old_amd, lost))),
    }
    assert done.json["data"]["gaps"] == done.json["data"]["notes"] == []
    pulls = docker.pulls
    done = store.cleanup(*words, "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert docker.pulls == pulls == len(digests) + 8, "each manifest is read once for ever"
    assert set(store.stored) == {"main-0", "main-3", "other-main-3", "1.0"}
    assert all(map(store.has, (digests[0], digests[3], arm, amd, fresh)))
    assert not any(map(store.has, (digests[1], digests[2], old, old_arm, old_amd, lost)))
    again = store.cleanup(*words, "--yes", "--json")
    assert (again.code, again.json["data"]["changed"]) == (0, False)


def test_a_kept_child_keeps_its_index_since_it_would_go_with_it(shop: Make) -> None:
    store = shop("shared")
    shared, own = store.image("", "shared", 50), store.image("", "own", 50)
    old = store.index("old", 50, arm64=own, amd64=shared)
    new = store.index("new", 5, amd64=shared)
    done = store.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert decisions(done)["old"] == f"an index around {shared}"
    assert all(map(store.has, (shared, own, old, new)))


def test_more_tags_than_docker_hub_lists(shop: Make, api: Hub) -> None:
    store = shop("many")
    api.repositories["team/many"].uncounted = 40
    store.project.patience = 200
    for number in range(1130):
        store.image(f"t{number}", str(number % 120), 10 + number)
    # The digest of t119 is that of t1079 too, so it is as young as the youngest of its tags.
    done = store.cleanup("--keep", "100", "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert len(done.json["data"]["deleted"]) == 20
    assert set(store.stored) == {f"t{n}" for n in range(1130) if n % 120 < 100}


def test_what_docker_hub_does_not_tell_stays_and_is_told(shop: Make, api: Hub) -> None:
    store = shop("silent")
    api.repositories["team/silent"].silent = True
    lost = store.image("", "lost", 60)
    arm = store.image("", "arm", 51)
    store.index("old", 50, arm64=arm)
    store.image("new", "new", 5)
    done = store.cleanup("--keep", "1", "--yes", *UNUSED)
    assert done.code == 0, done.err
    assert "does not say which images have no tag" in done.err + done.out
    assert store.has(lost)
    assert not store.has(arm)
    assert set(store.stored) == {"new"}


def test_tokens_that_end_in_the_middle(shop: Make, api: Hub, docker: HubRegistry) -> None:
    store = shop("tokens")
    for number in range(20):
        store.image(f"t{number}", str(number), 10 + number)
    api.requests_per_token, docker.uses = 7, 15
    done = store.cleanup("--keep", "2", "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert set(store.stored) == {"t0", "t1"}
    assert api.logins >= 3
    # Who reads and deletes by turns has one token for both.
    assert "repository:team/tokens:delete,pull" in docker.given
    assert "repository:team/tokens:delete" not in docker.given
    assert PASSWORD not in done.out + done.err
    assert "canary" not in done.out + done.err


def test_a_limit_is_not_run_into(shop: Make, api: Hub) -> None:
    store = shop("limit")
    for number in range(30):
        store.image(f"t{number}", str(number), 10 + number)
    api.limit, api.window = 10, 2.0
    done = store.cleanup("--keep", "2", "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert set(store.stored) == {"t0", "t1"}
    # Only those that were under way when the last one was spent.
    assert api.refused < 28


def test_faults_pass(shop: Make, faults: FaultyProxy, docker: HubRegistry) -> None:
    store = shop("faults")
    for number in range(12):
        store.image(f"t{number}", str(number), 10 + number)
    hosts = {"hub.docker.com": faults.handler, **dict.fromkeys(NAMES, docker.handler)}
    faults.fail(2, method="DELETE", status=429, headers={"Retry-After": "1"})
    faults.fail(
        2, method="GET", path=".*/tags", status=429, headers={"X-Retry-After": "1000000001"}
    )
    faults.fail(1, method="DELETE", status=503)
    faults.cut(1, method="DELETE", late=True)
    faults.cut(1, method="GET", path=".*/manifests")
    docker.fail(3, method="DELETE", status=500)
    docker.cut(1, method="DELETE", late=True)
    docker.fail(1, method="DELETE", status=403)  # a tag seems to be there for a while
    with tunnel(hosts) as environ:
        store.environ = environ
        done = store.cleanup("--keep", "2", "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert set(store.stored) == {"t0", "t1"}
    assert len(done.json["data"]["deleted"]) == 10
    assert len(store.stored.manifests()) == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", ".*/tags/.*"), ("GET", ".*/manifests/.*")],
    ids=["deleting", "reading"],
)
def test_a_rest_of_hours_is_not_waited_for(
    shop: Make, faults: FaultyProxy, docker: HubRegistry, method: str, path: str
) -> None:
    store = shop(f"hours{method.lower()}")
    for number in range(4):
        store.image(f"t{number}", str(number), 10 + number)
    for each in (faults, docker):
        each.fail(99, method=method, path=path, status=429, headers={"Retry-After": "21600"})
    hosts = {"hub.docker.com": faults.handler, **dict.fromkeys(NAMES, docker.handler)}
    with tunnel(hosts) as store.environ:
        done = store.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert done.code == 1
    assert done.json["error"]["hint"].startswith("wait 21600 s, then do the same again")
    assert len(store.stored) == 4


def test_pulls_that_are_used_up_are_gone_on_with(shop: Make, docker: HubRegistry) -> None:
    store = shop("pulls")
    for number in range(9):
        store.image(f"t{number}", str(number), 10 + number)
    words = ("--keep", "2", "--yes", "--json", *UNUSED)
    docker.allowed = 5
    done = store.cleanup(*words)
    assert done.code == 1
    assert "what was read is remembered" in done.json["error"]["hint"]
    docker.allowed = 9
    assert store.cleanup(*words).code == 0
    assert set(store.stored) == {"t0", "t1"}
    # It remembers no more than there is.
    assert len(list((store.project.root / ".dogctl/cache/manifests/team@pulls").iterdir())) == 9
    docker.allowed = 0
    done = store.cleanup(*words)
    assert (done.code, done.json["data"]["changed"]) == (0, False)
    assert len(list((store.project.root / ".dogctl/cache/manifests/team@pulls").iterdir())) == 2


def test_what_cannot_go_is_told_and_the_rest_goes(
    shop: Make, api: Hub, docker: HubRegistry
) -> None:
    store = shop("stuck")
    digests = [store.image(f"t{number}", str(number), 10 + number) for number in range(6)]
    api.repositories["team/stuck"].forbidden = {"t3"}
    api.repositories["team/stuck"].phantom = {"t4"}
    docker.phantom = {str(digests[5])}
    done = store.cleanup("--keep", "1", "--yes", *UNUSED)
    assert done.code == 1
    assert "3 of 5 could not be deleted" in done.err
    assert "may not do this" in done.err
    assert "says that it has deleted t4, and still has it" in done.err
    assert "said to be deleted, and is still there" in done.err
    # A manifest stays whole if one of its tags does.
    assert set(store.stored) == {"t0", "t3", "t4"}
    assert [store.has(each) for each in digests] == [True, False, False, True, True, True]
    api.repositories["team/stuck"].forbidden = api.repositories["team/stuck"].phantom = set()
    docker.phantom = set()
    again = store.cleanup("--keep", "1", "--yes", *UNUSED)
    assert again.code == 0, again.err
    assert [store.has(each) for each in digests] == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("rules", "stays"),
    [([r"^v\d"], {"v1", "new"}), (["("], {"v1", "dev", "new"}), ([".*"], {"v1", "dev", "new"})],
    ids=["some", "unreadable", "all"],
)
def test_immutable_tags_stay(shop: Make, api: Hub, rules: list[str], stays: set[str]) -> None:
    store = shop("immutable")
    for days, tag in ((50, "v1"), (40, "dev"), (5, "new")):
        store.image(tag, tag, days)
    api.repositories["team/immutable"].rules = rules
    done = store.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert decisions(done)["v1"] == "its tag is immutable"
    assert set(store.stored) == stays


def test_a_tag_that_turns_out_to_be_immutable_stays(
    shop: Make, api: Hub, faults: FaultyProxy, docker: HubRegistry
) -> None:
    store = shop("late")
    old = store.image("v1", "old", 50)
    store.image("new", "new", 5)
    api.repositories["team/late"].rules = ["v"]
    faults.fail(1, method="GET", path=".*/repositories/late", status=200, body=b"{}")
    hosts = {"hub.docker.com": faults.handler, **dict.fromkeys(NAMES, docker.handler)}
    with tunnel(hosts) as store.environ:
        done = store.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert done.code == 0, done.err
    assert done.json["data"]["dropped"] == {str(old): "its tag is immutable"}
    assert store.has(old)


def test_a_tag_of_which_nobody_knows_when_it_came_stays(
    shop: Make, faults: FaultyProxy, docker: HubRegistry
) -> None:
    store = shop("unknown")
    for days, tag in ((50, "old"), (40, "older"), (5, "new")):
        store.image(tag, tag, days)
    moved = b'{"name": "old", "digest": "sha256:%s", "tag_last_pushed": "2020-01-01T00:00:00Z"}'
    page = b'{"count": 0, "next": null, "results": [%s]}' % (moved % (b"0" * 64))
    faults.fail(1, path=".*/tags", status=200, body=page)
    faults.fail(1, path=".*/tags/older", status=404)
    with tunnel(
        {"hub.docker.com": faults.handler, **dict.fromkeys(NAMES, docker.handler)}
    ) as found:
        store.environ = found
        done = store.cleanup("--keep", "1", "--dry-run", "--json")
    assert decisions(done) == {
        "old": "nobody knows how old it is",
        "older": "nobody knows how old it is",
        "new": "one of the newest 1",
    }


def test_a_tag_that_the_registry_does_not_list_is_a_gap(shop: Make, docker: HubRegistry) -> None:
    store = shop("gap")
    hidden = store.image("hidden", "hidden", 50)
    store.image("old", "old", 50)
    store.image("new", "new", 5)
    docker.fail(9, path=".*/tags/list", status=200, body=b'{"tags": ["old", "new"]}')
    done = store.cleanup("--keep", "1", "--yes", "--json", *UNUSED)
    assert done.code == 2
    assert done.json["error"]["where"] == "--allow-gaps"
    docker.fail(99, path=".*/tags/list", status=200, body=b'{"tags": ["old", "new"]}')
    seen = store.cleanup("--older-than", "60d", "--dry-run", "--json")
    assert decisions(seen)["hidden"] == "younger than 60 days"
    assert store.has(hidden)


def test_a_killed_run_is_completed_by_the_next(shop: Make, docker: HubRegistry) -> None:
    store = shop("killed")
    for number in range(8):
        arm, amd = (store.image("", f"{number} {each}", 20 + number) for each in ("arm", "amd"))
        store.index(f"t{number}", 10 + number, arm64=arm, amd64=amd)
    words = ("--keep", "2", "--yes", *UNUSED)
    argv = store.project.argv("cleanup", "images", *words)
    # Tags are gone by then, and their manifests are not.
    with (
        docker.hold(method="DELETE") as came,
        subprocess.Popen(
            argv,
            cwd=store.project.root,
            env=store.project.environ(**store.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        assert came.wait(60)
        process.kill()
    assert len(store.stored.manifests()) > 6
    done = store.cleanup(*words)
    assert done.code == 0, done.err
    assert set(store.stored) == {"t0", "t1"}
    assert len(store.stored.manifests()) == 6
    again = store.cleanup(*words, "--json")
    assert (again.code, again.json["data"]["changed"]) == (0, False)


def test_a_login_that_may_not_delete_is_told_at_once(shop: Make, api: Hub) -> None:
    store = shop("denied")
    for number in range(30):
        store.image(f"t{number}", str(number), 10 + number)
    api.repositories["team/denied"].forbidden = {f"t{number}" for number in range(30)}
    done = store.cleanup("--keep", "1", "--yes", *UNUSED)
    assert done.code == 1
    assert "Read, Write, Delete" in done.err
    assert len(set(store.stored)) == 30


def test_no_such_repository(shop: Make) -> None:
    done = shop("missing").cleanup("--keep", "1", "--dry-run", "--json")
    assert done.code == 1
    assert done.json["error"]["code"] in ("no-such-repository", "no-such-image")
