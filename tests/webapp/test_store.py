from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.testbed.databases import DatabaseServer
from tests.webapp.conftest import REPOSITORY, picture
from webapp.database import Database, DatabaseError, DatabaseUnavailable
from webapp.dburl import DatabaseUrl, parse_url
from webapp.library import BUNDLED_FOLDER, Library
from webapp.schema import MIGRATIONS, exclusive, is_current, migrate
from webapp.store import ReadyDatabase, prepare, prepare_within


def count(database: Database, table: str) -> int:
    with database.connection() as connection:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").rows[0][0])


def bundled_files() -> int:
    return len([file for file in BUNDLED_FOLDER.glob("*/*") if file.is_file()])


def test_preparing_twice_changes_nothing(any_database: Database) -> None:
    prepare(any_database)
    prepare(any_database)

    assert count(any_database, "dogapp_migrations") == len(MIGRATIONS)
    assert count(any_database, "dogapp_counter") == 1
    assert count(any_database, "dogapp_pictures") == bundled_files()


def test_threads_prepare_at_once(any_url: str) -> None:
    errors: list[Exception] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        try:
            prepare_within(Database(parse_url(any_url)), 60, lambda _: None)
        except Exception as error:  # noqa: BLE001  # told by the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    database = Database(parse_url(any_url))
    assert count(database, "dogapp_counter") == 1
    assert count(database, "dogapp_pictures") == bundled_files()
    database.close()


@pytest.mark.real
def test_processes_prepare_at_once(any_url: str) -> None:
    code = (
        "import sys, webapp.store as s, webapp.database as d, webapp.dburl as u;"
        "s.prepare_within(d.Database(u.parse_url(sys.argv[1])), 60, lambda _: None)"
    )
    command = [sys.executable, "-c", code, any_url]
    running = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(5)]

    assert [process.wait(timeout=60) for process in running] == [0] * 5
    database = Database(parse_url(any_url))
    assert count(database, "dogapp_pictures") == bundled_files()
    database.close()


def test_a_migration_broken_off_is_finished_by_the_next_start(any_database: Database) -> None:
    with closing(any_database.connect()) as connection:
        first = MIGRATIONS[0].format(**connection.dialect.types).split(";")[0]
        connection.execute(first)

    prepare(any_database)

    assert count(any_database, "dogapp_counter") == 1


def test_a_newer_schema_is_left_alone(any_database: Database) -> None:
    prepare(any_database)
    with any_database.connection() as connection:
        connection.execute("INSERT INTO dogapp_migrations (number, applied) VALUES (99, 0)")

    prepare(any_database)

    with any_database.connection() as connection:
        assert is_current(connection)


def test_only_one_is_exclusive(any_database: Database) -> None:
    order: list[str] = []
    with closing(any_database.connect()) as first:

        def second() -> None:
            with closing(any_database.connect()) as connection, exclusive(connection):
                order.append("second")

        with exclusive(first):
            migrate(first)
            waiting = threading.Thread(target=second)
            waiting.start()
            time.sleep(0.2)
            order.append("first")
        waiting.join()

    assert order == ["first", "second"]


def test_a_removed_picture_stays_removed(any_database: Database) -> None:
    prepare(any_database)
    library = Library(any_database, "dogs")
    gone = library.pictures()[0]

    assert library.remove(gone.id)
    prepare(any_database)

    assert gone.id not in [picture.id for picture in library.pictures()]
    assert library.blob(gone.id) is None
    assert not library.remove(gone.id)


def test_a_bundled_picture_drawn_anew_replaces_the_old_one(
    sqlite_url: DatabaseUrl, make_folder: Callable[..., Path]
) -> None:
    database = Database(sqlite_url)
    prepare(database, make_folder(rex=1, bella=2))
    library = Library(database, "dogs")
    bella = next(picture for picture in library.pictures() if picture.name == "Bella")
    library.remove(bella.id)

    prepare(database, make_folder(rex=3, bella=4))

    assert [picture.name for picture in library.pictures()] == ["Rex"]
    assert library.pictures()[0].width == 13
    database.close()


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    folder = tmp_path / "collections"

    def make(**widths: int) -> Path:
        (folder / "dogs").mkdir(parents=True, exist_ok=True)
        for name, width in widths.items():
            (folder / "dogs" / f"{name}.gif").write_bytes(picture(size=(10 + width, 5)))
        return folder

    return make


def test_a_database_that_stays_away_is_told() -> None:
    database = Database(parse_url("mysql://dog:geheim@127.0.0.1:1/dogs"))
    told: list[str] = []

    with pytest.raises(DatabaseUnavailable) as caught:
        prepare_within(database, 3, told.append)

    assert caught.value.reason == "database cannot be reached"
    assert 1 <= len(told) <= 5
    assert "geheim" not in told[0]


def test_a_mistake_in_a_statement_is_not_an_outage(any_database: Database) -> None:
    with pytest.raises(DatabaseError), any_database.connection() as connection:
        connection.execute("SELECT nothing FROM nowhere")


def test_the_pool_lends_a_bounded_number(any_url: str) -> None:
    database = Database(parse_url(any_url), pool_size=2, pool_seconds=0.1)
    in_use: list[int] = []
    database.on_pool = in_use.append
    with (
        database.connection(),
        database.connection(),
        pytest.raises(DatabaseUnavailable, match="in use"),
        database.connection(),
    ):
        pass

    assert in_use == [1, 2, 1, 0]
    database.close()


def test_the_pool_survives_a_restart_of_the_database(server_database: DatabaseServer) -> None:
    database = ReadyDatabase(parse_url(server_database.create()), pool_size=2)
    assert count(database, "dogapp_counter") == 1
    server_database.kill()
    with pytest.raises(DatabaseUnavailable):
        count(database, "dogapp_counter")
    server_database.start()

    assert count(database, "dogapp_counter") == 1
    database.close()
