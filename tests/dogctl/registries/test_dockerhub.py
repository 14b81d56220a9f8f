"""Docker Hub's API, as documented."""

from __future__ import annotations

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
    assert newest.size == 1249


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
