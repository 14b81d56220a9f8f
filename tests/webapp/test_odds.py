"""Odd paths: too many slashes, and what is not ASCII."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import closing
from urllib.parse import unquote_to_bytes

import pytest
from flask.testing import FlaskClient

from tests.webapp.conftest import Lines, Served
from webapp.dburl import DatabaseUrl


@pytest.mark.parametrize("path", ["/image//x", "//image//x", "/static//page.css", "//", "///"])
def test_slashes_too_many_are_no_page(client: FlaskClient, path: str) -> None:
    answer = client.get(
        "/", headers={"Host": "evil.example"}, environ_overrides={"PATH_INFO": path}
    )

    assert (answer.status_code, answer.headers.get("Location")) == (404, None)
    assert client.get("/api/visits").json == {"visits": 0}


@pytest.mark.parametrize("path", ["/config", "/config/"])
def test_config_answers_with_and_without_its_slash(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/image/x/", "/will/", "/api", "/api/", "/static", "/static/", "//evil.example/", "/\\evil"],
)
def test_no_address_is_redirected(client: FlaskClient, path: str) -> None:
    answer = client.get(
        "/", headers={"Host": "evil.example"}, environ_overrides={"PATH_INFO": path}
    )

    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("/image/h%C3%BCnd%E2%82%AC", "/image/hünd€"),
        ("/%F0%9F%90%95", "/🐕"),
        ("/%FF%22%0A", '/\ufffd"\n'),
        ("/" + "%C3%BC" * 600, "/" + "ü" * 511),
    ],
)
def test_a_path_is_logged_as_it_was_meant(
    client: FlaskClient, lines: Lines, sent: str, logged: str
) -> None:
    path = unquote_to_bytes(sent).decode("latin-1")
    client.get("/", environ_overrides={"PATH_INFO": path})

    assert lines.events()[-1]["path"] == logged


@pytest.mark.real
def test_odd_paths_over_http(serve: Callable[..., Served], sqlite_url: DatabaseUrl) -> None:
    served = serve(f"sqlite:///{sqlite_url.name}")
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    with closing(connection):
        for path in ("//", "/%2F", "//image//x", "/h%C3%BCnd"):
            connection.request("GET", path, headers={"Host": "evil.example"})
            response = connection.getresponse()
            response.read()
            assert (path, response.status, response.headers["Location"]) == (path, 404, None)
    assert served.json("/api/visits") == {"visits": 0}
    served.terminate()

    assert {"//", "//image//x", "/hünd"} <= {event.get("path") for event in served.events()}
