from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.webapp.conftest import Lines, number_in
from webapp.app import WebApp, create_app
from webapp.database import DatabaseError, DatabaseUnavailable
from webapp.dburl import DatabaseUrl
from webapp.library import BUNDLED_FOLDER
from webapp.secret import Secret


def test_every_visit_shows_the_next_number_and_a_picture(client: FlaskClient) -> None:
    pages = [client.get("/").text for _ in range(3)]

    assert [number_in(page) for page in pages] == [1, 2, 3]
    picture = re.search(r'src="(/image/[0-9a-f]{32})"', pages[0])
    assert picture
    assert client.get(picture[1]).status_code == 200


def test_refreshing_shows_different_pictures(client: FlaskClient) -> None:
    shown = {re.search(r"/image/\w+", client.get("/").text)[0] for _ in range(40)}  # type: ignore[index]

    assert len(shown) > 4


def test_only_get_counts(client: FlaskClient) -> None:
    client.get("/")

    head = client.head("/")

    assert (head.status_code, head.data) == (200, b"")
    assert client.get("/api/visits").json == {"visits": 1}
    assert client.post("/").status_code == 405
    assert number_in(client.get("/").text) == 2


@pytest.mark.parametrize("collection", ["dogs", "stars"])
def test_the_collection_is_a_setting(make_app: Callable[..., WebApp], collection: str) -> None:
    client = make_app(collection=collection).test_client()

    shown = {client.get("/api/random").json["name"] for _ in range(60)}  # type: ignore[index]

    files = (BUNDLED_FOLDER / collection).iterdir()
    assert shown <= {file.stem.replace("-", " ").capitalize() for file in files}
    assert len(shown) > 3


def test_a_picture_is_cached_for_good(client: FlaskClient) -> None:
    described = client.get("/api/random").json
    assert described is not None

    response = client.get(described["url"])

    assert response.headers["Content-Type"] == described["type"]
    assert len(response.data) == described["bytes"]
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["ETag"] == f'"{described["id"]}"'
    again = client.get(described["url"], headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_an_unknown_picture_is_a_404(client: FlaskClient) -> None:
    assert client.get("/image/0123456789abcdef0123456789abcdef").status_code == 404
    assert client.get("/image/../../etc/passwd").status_code == 404


def test_the_routes_of_the_seeds(client: FlaskClient) -> None:
    assert client.get("/will").json == "Hello World"
    assert client.get("/ready").json == "It works!"
    assert client.get("/healthz").json == {"status": "ok"}


def test_config_tells_no_secret(make_app: Callable[..., WebApp]) -> None:
    client = make_app(db_secret=Secret("geheim-1"), secret_keys=Secret("geheim-2")).test_client()

    for path in ("/config", "/config/"):
        response = client.get(path)
        assert response.status_code == 200
        assert "geheim" not in response.text
        assert response.json is not None
        assert (response.json["DB_SECRET"], response.json["SECRET_KEYS"]) == ("set", "set")
        assert response.json["COLLECTION"] == "dogs"


@pytest.mark.parametrize("path", ["/", "/will", "/nowhere", "/static/style.css", "/metrics"])
def test_every_answer_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; img-src 'self' data:")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Permissions-Policy" in headers


def test_pages_are_not_cached_and_their_files_are(client: FlaskClient) -> None:
    page = client.get("/")
    stylesheet = re.search(r'href="(/static/style.css\?v=[0-9a-f]{12})"', page.text)

    assert page.headers["Cache-Control"] == "no-store"
    assert stylesheet
    assert "max-age=31536000" in client.get(stylesheet[1]).headers["Cache-Control"]
    assert client.get("/static/favicon.svg").status_code == 200


def test_a_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/").text

    assert "<script" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_a_request_id_is_kept_or_made(client: FlaskClient) -> None:
    given = client.get("/will", headers={"X-Request-ID": "a-1.b_2:c"}).headers["X-Request-ID"]
    wrong = client.get("/will", headers={"X-Request-ID": 'a"b c'}).headers["X-Request-ID"]

    assert given == "a-1.b_2:c"
    assert re.fullmatch(r"[0-9a-f]{32}", wrong)


def test_errors_are_pages_or_json_as_asked(client: FlaskClient) -> None:
    page = client.get("/nowhere", headers={"Accept": "text/html"})
    answer = client.get("/nowhere", headers={"Accept": "application/json", "X-Request-ID": "me"})

    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert answer.json == {
        "error": {
            "code": 404,
            "message": "There is no page at this address.",
            "request_id": "me",
        }
    }
    assert client.get("/api/nowhere").mimetype == "application/json"
    refused = client.post("/", headers={"Accept": "application/json"})
    assert (refused.status_code, set(refused.headers["Allow"].split(", "))) == (
        405,
        {"GET", "HEAD", "OPTIONS"},
    )


def away(*_: object, **__: object) -> None:
    raise DatabaseUnavailable("database cannot be reached", "db.example.internal:3306 geheim")


def test_without_a_database_the_page_is_honest(
    app: WebApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.database, "connect", away)
    app.visits._patience = 0.1
    app.ledger._connect = away  # type: ignore[assignment]
    client = app.test_client()

    page = client.get("/")

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert "Traceback" not in page.text
    assert "example.internal" not in page.text
    assert client.get("/api/visits").status_code == 503
    assert client.get("/image/0123456789abcdef0123456789abcdef").status_code == 503
    assert client.get("/healthz").status_code == 200
    ready = client.get("/ready")
    assert ready.json == {"status": "unready", "reason": "database cannot be reached"}
    assert ready.status_code == 503


def test_metrics_answer_without_a_database(app: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.database, "connect", away)

    response = app.test_client().get("/metrics")

    assert response.status_code == 200
    assert "dogapp_database_up 0.0" in response.text
    assert "dogapp_visitors" not in response.text
    assert 'dogapp_database_errors_total{kind="unavailable"} 1.0' in response.text


def test_a_mistake_is_logged_and_not_shown(
    app: WebApp, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise DatabaseError("no such column: geheim")

    monkeypatch.setattr(app.library, "version", broken)

    response = app.test_client().get("/api/random", headers={"X-Request-ID": "x-1"})

    assert response.status_code == 500
    assert "geheim" not in response.text
    event = next(event for event in lines.events() if event["event"] == "request_failed")
    assert event["request_id"] == "x-1"
    assert "no such column" in str(event["traceback"])


def test_no_debug_mode(monkeypatch: pytest.MonkeyPatch, sqlite_url: DatabaseUrl) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{sqlite_url.name}")

    app = create_app()

    assert not app.debug
    app.close()


def test_an_empty_collection_is_a_503(app: WebApp, client: FlaskClient) -> None:
    client.get("/")
    for picture in app.library.pictures():
        app.library.remove(picture.id)

    assert client.get("/").status_code == 503
    assert client.get("/api/random").status_code == 404


def test_every_request_is_one_log_line(client: FlaskClient, lines: Lines) -> None:
    client.get("/image/nope?token=geheim", headers={"X-Request-ID": "id-1"})

    (event,) = lines.events()
    assert {key: event[key] for key in ("method", "path", "route", "status", "request_id")} == {
        "method": "GET",
        "path": "/image/nope",
        "route": "/image/<key>",
        "status": 404,
        "request_id": "id-1",
    }
    assert {"ts", "level", "duration_ms", "bytes", "remote"} <= event.keys()
    assert "geheim" not in lines.text


def test_metrics_name_routes_and_not_paths(client: FlaskClient) -> None:
    client.get("/")
    client.get("/some/secret/path")
    client.open("/", method="BREW")

    text = client.get("/metrics").text

    assert 'dogapp_requests_total{code="200",method="GET",route="/"} 1.0' in text
    assert 'dogapp_requests_total{code="404",method="GET",route="(unmatched)"} 1.0' in text
    assert 'method="other"' in text
    assert "secret" not in text
    assert "dogapp_visitors 1.0" in text
    assert 'dogapp_build_info{collection="dogs",version="unknown"} 1.0' in text
    assert 'dogapp_request_duration_seconds_bucket{code="200",le="+Inf",method="GET"' in text
    assert "dogapp_database_pool_size 4.0" in text
