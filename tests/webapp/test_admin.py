from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper

import pytest
from flask.testing import FlaskClient
from pytest_httpserver import HTTPServer

from tests.webapp.conftest import picture
from webapp.admin import HINTS

Runner = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content)))

    return give


def error_of(answer: dict[str, object]) -> str:
    error = answer["error"]
    assert isinstance(error, dict)
    assert error["hint"] == HINTS[error["code"]]
    assert error["message"]
    return str(error["code"])


def pictures_of(runner: Runner) -> list[dict[str, object]]:
    code, answer = runner("gifs", "list")
    assert code == 0
    assert isinstance(answer["pictures"], list)
    return answer["pictures"]


def test_a_picture_from_a_url_is_on_the_page(
    runner: Runner, client: FlaskClient, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = picture(frames=3)
    httpserver.expect_request("/my_best-dog.gif").respond_with_data(content)
    monkeypatch.setenv("FETCH_ALLOW_NETWORKS", "127.0.0.1/32")
    client.get("/")

    code, answer = runner("gifs", "add", httpserver.url_for("/my_best-dog.gif?key=geheim"))

    assert code == 0
    added = answer["picture"]
    assert isinstance(added, dict)
    assert (added["name"], added["type"], added["frames"]) == ("my best dog", "image/gif", 3)
    assert client.get(str(added["url"])).data == content
    assert "geheim" not in str(answer)
    assert any(added["url"] in client.get("/").text for _ in range(300))


def test_a_picture_from_standard_input(runner: Runner, stdin: Callable[[bytes], None]) -> None:
    stdin(picture("PNG"))

    code, answer = runner("gifs", "add", "-", "--name", " <b>Rex</b>\n")

    assert code == 0
    assert pictures_of(runner)[-1] == answer["picture"] or answer["picture"] in pictures_of(runner)
    assert answer["picture"]["name"] == "<b>Rex</b>"


def test_the_same_picture_twice_is_one(runner: Runner, stdin: Callable[[bytes], None]) -> None:
    many = len(pictures_of(runner))
    for _ in range(2):
        stdin(picture("PNG"))
        assert runner("gifs", "add", "-")[0] == 0

    assert len(pictures_of(runner)) == many + 1


def test_a_removed_picture_can_be_added_again(
    runner: Runner, stdin: Callable[[bytes], None], client: FlaskClient
) -> None:
    stdin(picture("PNG"))
    added = runner("gifs", "add", "-")[1]["picture"]
    assert isinstance(added, dict)

    assert runner("gifs", "remove", added["id"])[0] == 0
    assert client.get(added["url"]).status_code == 404
    stdin(picture("PNG"))
    assert runner("gifs", "add", "-")[0] == 0

    assert client.get(added["url"]).status_code == 200


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"no picture", "wrong-type"), (b"\0" * 5_000_001, "too-large"), (b"", "wrong-type")],
)
def test_what_is_refused_is_not_stored(
    runner: Runner, stdin: Callable[[bytes], None], content: bytes, code: str
) -> None:
    before = pictures_of(runner)
    stdin(content)

    exit_code, answer = runner("gifs", "add", "-")

    assert (exit_code, error_of(answer)) == (2, code)
    assert pictures_of(runner) == before


def test_a_private_address_is_refused(runner: Runner) -> None:
    code, answer = runner("gifs", "add", "http://169.254.169.254/latest")

    assert (code, error_of(answer)) == (2, "private-address")


def test_an_unreachable_address_may_work_later(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETCH_ALLOW_NETWORKS", "127.0.0.1/32")

    code, answer = runner("gifs", "add", "http://127.0.0.1:9/dog.gif")

    assert (code, error_of(answer)) == (1, "unreachable")


def test_an_unknown_id(runner: Runner) -> None:
    code, answer = runner("gifs", "remove", "0" * 32)

    assert (code, error_of(answer)) == (2, "unknown-id")


def test_the_last_picture_stays(runner: Runner) -> None:
    first, *rest = pictures_of(runner)
    for shown in rest:
        assert runner("gifs", "remove", str(shown["id"]))[0] == 0

    code, answer = runner("gifs", "remove", str(first["id"]))

    assert (code, error_of(answer)) == (2, "last-picture")


@pytest.mark.parametrize(
    "arguments", [[], ["gifs"], ["gifs", "add"], ["gifs", "eat"], ["gifs", "list", "-x"]]
)
def test_bad_usage(runner: Runner, arguments: list[str]) -> None:
    code, answer = runner(*arguments)

    assert (code, error_of(answer)) == (2, "bad-usage")


def test_bad_settings(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECTION", "cats")

    code, answer = runner("gifs", "list")

    assert (code, error_of(answer)) == (2, "bad-settings")


def test_a_database_that_is_away(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://dog:geheim@127.0.0.1:9/dogs")

    code, answer = runner("gifs", "list")

    assert (code, error_of(answer)) == (1, "database-away")
    assert "geheim" not in str(answer)


def test_collections_are_apart(
    runner: Runner, stdin: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLECTION", "stars")
    stdin(picture("PNG"))
    added = runner("gifs", "add", "-")[1]["picture"]
    assert added in pictures_of(runner)

    monkeypatch.setenv("COLLECTION", "dogs")

    assert added not in pictures_of(runner)
