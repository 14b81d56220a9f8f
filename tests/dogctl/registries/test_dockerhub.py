"""Docker Hub's API, as documented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from time import time

import pytest

from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.registries.base import Login
from dogctl.registries.dockerhub import DockerHub
from dogctl.secrets import Secret
from tests.testbed.registries.faults import faulty
from tests.testbed.registries.hub import BEGAN, Hub, Repository, hub
from tests.testbed.registries.registry import PASSWORD, USERNAME

pytestmark = pytest.mark.real
REF = ImageRef.parse("team/app")
LOGIN = Login(USERNAME, Secret(PASSWORD))
DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture
def docker() -> Iterator[Hub]:
    with hub() as found:
        found.repositories["team/app"] = Repository({f"1.{n}": DIGEST for n in range(250)})
        yield found


def names(api: str, login: Login | None = LOGIN) -> list[str]:
    """The tags that it lists."""
    return [tag.name for tag in DockerHub(lambda: login, api=api).tags(REF)]


def test_all_pages_are_listed_over_several_tokens(docker: Hub) -> None:
    docker.requests_per_token = 2
    assert names(docker.url) == [f"1.{n}" for n in reversed(range(250))]
    assert docker.logins == 2
    newest = next(DockerHub(lambda: LOGIN, api=docker.url).tags(REF))
    assert str(newest.digest) == DIGEST
    assert newest.pushed == BEGAN + timedelta(hours=249)


@pytest.mark.parametrize(
    ("login", "code"),
    [
        (None, "registry-not-logged-in"),
        (Login(USERNAME, Secret("another")), "registry-login-refused"),
    ],
)
def test_logins(docker: Hub, login: Login | None, code: str) -> None:
    with pytest.raises(DogctlError) as caught:
        names(docker.url, login)
    assert caught.value.code == code


def test_no_such_repository(docker: Hub) -> None:
    docker.repositories.clear()
    with pytest.raises(DogctlError, match="no repository team/app"):
        names(docker.url)


def test_what_passes_is_waited_for(docker: Hub) -> None:
    waits: list[float] = []
    with faulty(docker.url.removeprefix("http://")) as proxy:
        proxy.fail(1, path=".*/token", status=500)
        proxy.fail(1, path=".*/tags", status=429, headers={"X-Retry-After": str(int(time()) + 50)})
        proxy.cut(1, path=".*/tags")
        api = DockerHub(lambda: LOGIN, api=f"http://{proxy.host}", pause=waits.append)
        assert len(list(api.tags(REF))) == 250
    assert max(waits) == pytest.approx(50, abs=30)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_pages_beyond_the_last_one_that_is_given(docker: Hub, status: int) -> None:
    with faulty(docker.url.removeprefix("http://")) as proxy:
        # As it is, until the first page is there; then there are no more.
        api = DockerHub(lambda: LOGIN, api=f"http://{proxy.host}")
        found = api.tags(REF)
        first = [next(found) for _ in range(100)]
        proxy.fail(1, path=".*/tags", status=status)
        assert len([*first, *found]) == 100


def test_one_tag_is_told_also_beyond_those_that_are_listed(docker: Hub) -> None:
    docker.listed = 10
    api = DockerHub(lambda: LOGIN, api=docker.url)
    found = api.tag(REF, "1.0")
    assert found is not None
    assert found.pushed == BEGAN
    assert api.tag(REF, "none") is None


@pytest.mark.parametrize(
    ("rules", "tags"),
    [
        (None, []),
        ([r"\.9$"], ["1.9"]),
        ([r"^1\.9$", "x"], ["1.9", "x"]),
        (["("], ["1.9", "x", "y"]),
    ],
    ids=["none", "one", "two", "unreadable"],
)
def test_which_tags_are_immutable(docker: Hub, rules: list[str] | None, tags: list[str]) -> None:
    docker.repositories["team/app"].rules = rules
    immutable = DockerHub(lambda: LOGIN, api=docker.url).immutable(REF)
    assert [each for each in ("1.9", "x", "y") if immutable(each)] == tags


def entries(*numbers: int, **more: str) -> bytes:
    """A page of manifests."""
    found = [{"manifest_digest": f"sha256:{n:064x}", "tags": []} for n in numbers]
    return json.dumps({"manifests": found, **more}).encode()


@pytest.mark.parametrize(
    ("pages", "count"),
    [
        ([(200, entries(1, 2, last_evaluated_key="a/b")), (200, entries(3))], 3),
        ([(200, entries())], 0),
        # What cannot be told, or not to its end, is not empty.
        ([(404, b"")], None),
        ([(403, b"{}")], None),
        ([(200, b"{}")], None),
        ([(200, b'{"manifests": null}')], None),
        ([(200, b'{"manifests": ["x"]}')], None),
        ([(200, b'{"manifests": [{"manifest_digest": "x"}]}')], None),
        ([(200, b'{"manifests": [], "last_evaluated_key": {"a": 1}}')], None),
        ([(200, entries(1, last_evaluated_key="a")), (404, b"")], None),
        ([(200, entries(1, last_evaluated_key="a"))] * 2, None),
    ],
    ids=[
        *("pages", "empty", "none", "denied", "other", "null", "texts", "digest", "key"),
        *("broken", "endless"),
    ],
)
def test_manifests(docker: Hub, pages: list[tuple[int, bytes]], count: int | None) -> None:
    with faulty(docker.url.removeprefix("http://")) as proxy:
        for status, body in pages:
            # Once more after the 401 of the first request.
            proxy.fail(1, path=".*/manifests", status=status, body=body)
        found = DockerHub(lambda: LOGIN, api=f"http://{proxy.host}").manifests(REF)
    assert (None if found is None else len(found)) == count


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"results": null}',
        b'{"results": ["x"]}',
        b'{"results": [{}]}',
        b'{"results": [{"name": "1", "digest": "x"}]}',
        b'{"results": [{"name": "1", "tag_last_pushed": "soon"}]}',
        b'{"results": [], "next": "https://elsewhere.example/"}',
    ],
    ids=["html", "list", "null", "text", "nameless", "digest", "time", "elsewhere"],
)
def test_what_makes_no_sense_is_no_answer(docker: Hub, body: bytes) -> None:
    with faulty(docker.url.removeprefix("http://")) as proxy:
        proxy.fail(1, path=".*/tags", status=200, body=body)
        with pytest.raises(DogctlError) as caught:
            names(f"http://{proxy.host}")
    assert caught.value.code == "registry-inconsistent"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"], ids=["html", "list", "empty"])
def test_a_login_that_makes_no_sense(docker: Hub, body: bytes) -> None:
    with faulty(docker.url.removeprefix("http://")) as proxy:
        proxy.fail(1, path=".*/token", status=200, body=body)
        with pytest.raises(DogctlError) as caught:
            names(f"http://{proxy.host}")
    assert caught.value.code == "registry-inconsistent"


def test_a_limit_is_not_run_into(docker: Hub) -> None:
    docker.limit, docker.window = 4, 1000000.0
    waits: list[float] = []
    api = DockerHub(lambda: LOGIN, api=docker.url, pause=waits.append)
    for _ in range(3):
        api.tag(REF, "1.0")  # the first takes two requests, for its login
    assert waits == []
    assert docker.refused == 0
    # It waits a minute at most before it asks again, whatever the clocks say.
    with pytest.raises(DogctlError, match="limits the rate"):
        api.tag(REF, "1.0")
    assert waits == [pytest.approx(60, abs=2)]
