"""The list of pictures in memory: never older than what was seen, never in the way of a visit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.webapp.conftest import number_in
from webapp.app import WebApp
from webapp.database import DatabaseUnavailable
from webapp.dburl import DatabaseUrl
from webapp.library import Library, Picture


@pytest.fixture
def library(app: WebApp) -> Library:
    app.library.has_pictures()
    return app.library


def away() -> list[Picture]:
    raise DatabaseUnavailable("database is away")


def test_a_list_that_cannot_be_renewed_stays_in_use(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "pictures", away)
    assert library.pick(library.version() + 1) is not None


def test_without_a_list_nobody_is_counted(
    make_app: Callable[..., WebApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    monkeypatch.setattr(app.library, "pictures", away)
    assert app.test_client().get("/").status_code == 503
    monkeypatch.undo()
    assert app.test_client().get("/api/visits").json == {"visits": 0}


def test_an_older_visit_does_not_bring_back_an_older_list(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = library.version()
    library.pick(version + 5)
    monkeypatch.setattr(library, "pictures", away)
    assert library.pick(version) is not None
    assert library.pick(version + 5) is not None


def test_a_removed_picture_is_not_served_from_memory(app: WebApp) -> None:
    client = app.test_client()
    client.get("/")
    removed = app.library.pictures()[0]
    assert client.get(removed.url).status_code == 200
    app.library.remove(removed.id)
    client.get("/")
    assert client.get(removed.url).status_code == 404


def test_a_counter_that_was_taken_away_is_a_database_that_is_not_ready(
    make_app: Callable[..., WebApp],
) -> None:
    app = make_app(visit_timeout=0.3)
    client = app.test_client()
    client.get("/")
    with app.database.connection() as connection:
        connection.execute("DELETE FROM dogapp_counter")
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json == {"status": "unready", "reason": "counter is missing from the database"}
    assert client.get("/metrics").status_code == 200
    assert client.get("/").status_code == 503


def test_a_database_file_that_was_taken_away_counts_nobody(
    make_app: Callable[..., WebApp], sqlite_url: DatabaseUrl
) -> None:
    app = make_app(visit_timeout=0.3)
    client = app.test_client()
    client.get("/")
    file = Path(sqlite_url.name)
    kept = file.rename(file.with_suffix(".kept"))
    assert client.get("/").status_code == 503
    reason = "database file was deleted or replaced"
    assert client.get("/ready").json == {"status": "unready", "reason": reason}
    assert not file.exists()
    kept.rename(file)
    while (page := client.get("/")).status_code == 503:
        pass
    assert number_in(page.text) == 2


def test_a_head_request_has_no_length_that_is_wrong(app: WebApp) -> None:
    assert "Content-Length" not in app.test_client().head("/").headers
