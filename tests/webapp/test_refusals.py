"""What is told when a database refuses, and a lock that was not got."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from urllib.parse import quote

import psycopg
import pymysql
import pytest

from tests.testbed.databases import PASSWORD, USER, DatabaseServer
from webapp.database import Connection, Database, DatabaseUnavailable
from webapp.dburl import DatabaseUrl, parse_url
from webapp.dialects import DIALECTS
from webapp.schema import exclusive


def refusal(url: str) -> str:
    with pytest.raises(DatabaseUnavailable) as caught:
        Database(parse_url(url)).connect()
    return caught.value.reason


def failure(connection: Connection, statement: str) -> str:
    with pytest.raises(DatabaseUnavailable) as caught:
        connection.execute(statement)
    return caught.value.reason


@contextmanager
def as_superuser(server: DatabaseServer) -> Iterator[Callable[[str], object]]:
    """Run statements that a database's owner may not."""
    if server.scheme == "mysql":
        with pymysql.connect(host="127.0.0.1", port=server.port, user="root") as raw:
            yield raw.cursor().execute
    else:
        folder = str(server.folder)
        with psycopg.connect(
            host=folder, port=server.port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            yield lambda statement: connection.execute(statement.encode())


def test_a_wrong_password_is_told(server_database: DatabaseServer) -> None:
    url = server_database.create()

    for password in ("wrong", ""):
        changed = url.replace(quote(PASSWORD, safe=""), password)
        assert refusal(changed) == "access to the database was denied"


@pytest.mark.real
def test_postgresql_tells_a_missing_database(
    database_servers: Callable[[str], DatabaseServer],
) -> None:
    server = database_servers("postgresql")
    server.create()

    assert refusal(server.url("nowhere")) == "database does not exist"
    # The name of a database is no reason.
    assert (
        refusal(server.url("FATAL:  permission denied for database")) == "database does not exist"
    )


@pytest.mark.real
@pytest.mark.parametrize(
    ("change", "undo", "reason"),
    [
        (
            "ALTER ROLE dog CONNECTION LIMIT 0",
            "ALTER ROLE dog CONNECTION LIMIT -1",
            "database has too many connections",
        ),
        (
            "ALTER DATABASE {name} CONNECTION LIMIT 0",
            "ALTER DATABASE {name} CONNECTION LIMIT -1",
            "database has too many connections",
        ),
        ("ALTER ROLE dog NOLOGIN", "ALTER ROLE dog LOGIN", "access to the database was denied"),
        (
            "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC, dog",
            "GRANT CONNECT ON DATABASE {name} TO PUBLIC, dog",
            "access to the database was denied",
        ),
    ],
)
def test_postgresql_tells_why_it_refuses(
    database_servers: Callable[[str], DatabaseServer], change: str, undo: str, reason: str
) -> None:
    server = database_servers("postgresql")
    url = server.create()
    name = url.rpartition("/")[2]
    with as_superuser(server) as run:
        run(change.format(name=name))
        try:
            assert refusal(url) == reason
        finally:
            run(undo.format(name=name))


@pytest.mark.real
def test_postgresql_with_no_slot_left(database_servers: Callable[[str], DatabaseServer]) -> None:
    url = database_servers("postgresql").create()
    reason = ""
    with ExitStack() as held:
        while not reason:
            try:
                held.enter_context(closing(Database(parse_url(url)).connect()))
            except DatabaseUnavailable as error:
                reason = error.reason

    assert reason == "database has too many connections"


def test_a_server_that_is_not_there_is_told() -> None:
    url = "postgresql://dog:secret@127.0.0.1:1/dogs"

    assert refusal(url) == "database cannot be reached"


def test_a_read_only_database_is_told(server_database: DatabaseServer) -> None:
    url = server_database.create()
    with as_superuser(server_database) as run:
        if server_database.scheme == "mysql":
            run("SET GLOBAL read_only = 1")
            undo = "SET GLOBAL read_only = 0"
        else:
            run(f"ALTER ROLE {USER} SET default_transaction_read_only = on")
            undo = f"ALTER ROLE {USER} RESET default_transaction_read_only"
        try:
            with closing(Database(parse_url(url)).connect()) as connection:
                assert failure(connection, "CREATE TABLE toys (id INTEGER)") == (
                    "database is read-only"
                )
        finally:
            run(undo)


@pytest.mark.real
def test_mysql_tells_a_read_only_transaction(
    database_servers: Callable[[str], DatabaseServer],
) -> None:
    with closing(Database(parse_url(database_servers("mariadb").create())).connect()) as connection:
        connection.execute("CREATE TABLE toys (id INTEGER)")
        connection.execute("START TRANSACTION READ ONLY")

        assert failure(connection, "INSERT INTO toys VALUES (1)") == "database is read-only"


@pytest.mark.real
def test_mysql_tells_a_missing_privilege(
    database_servers: Callable[[str], DatabaseServer],
) -> None:
    server = database_servers("mariadb")
    url = server.create()
    name = url.rpartition("/")[2]
    with as_superuser(server) as run:
        run(f"CREATE TABLE {name}.toys (id INTEGER, price INTEGER)")
        run(f"GRANT SELECT (id) ON {name}.toys TO 'reader'@'127.0.0.1' IDENTIFIED BY 'r'")
    reader = f"mysql://reader:r@127.0.0.1:{server.port}/{name}"
    with closing(Database(parse_url(reader)).connect()) as connection:
        denied = "access to the database was denied"
        assert failure(connection, "INSERT INTO toys VALUES (1, 1)") == denied
        assert failure(connection, "SELECT price FROM toys") == denied


@pytest.mark.real
def test_mysql_tells_a_killed_session(database_servers: Callable[[str], DatabaseServer]) -> None:
    server = database_servers("mariadb")
    with (
        closing(Database(parse_url(server.create())).connect()) as connection,
        as_superuser(server) as run,
    ):
        number = connection.execute("SELECT CONNECTION_ID()").rows[0][0]
        run(f"KILL CONNECTION {number}")

        assert failure(connection, "SELECT 1") == "connection to the database was lost"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1021, "disk is full"),
        (1114, "disk is full"),
        (1836, "database is read-only"),
        *((code, "connection to the database was lost") for code in (1053, 1152, 1161, 1317)),
        *((code, "connection to the database was lost") for code in (1927, 3169, 4031)),
        (2061, "database has no TLS, which it needs to take the password"),
        (1206, "database refused the statement"),
    ],
)
def test_mysql_codes(code: int, reason: str) -> None:
    assert DIALECTS["mysql"].away(pymysql.err.OperationalError(code, "text")) == reason


def test_postgresql_tells_a_full_disk() -> None:
    away = DIALECTS["postgresql"].away

    assert away(psycopg.errors.DiskFull("text")) == "disk is full"
    assert away(psycopg.errors.AdminShutdown("text")) == "connection to the database was lost"
    assert away(psycopg.errors.UndefinedTable("text")) == ""


@pytest.mark.parametrize("answer", ["NULL", "0"])
def test_a_lock_that_was_not_got_is_none(sqlite_url: DatabaseUrl, answer: str) -> None:
    with closing(Database(sqlite_url).connect()) as connection:
        connection.dialect = replace(connection.dialect, lock=(f"SELECT {answer}",))

        with pytest.raises(DatabaseUnavailable, match="another process"), exclusive(connection):
            pytest.fail("it is not locked")


@pytest.mark.real
def test_a_lock_that_mysql_answers_with_null(
    database_servers: Callable[[str], DatabaseServer],
) -> None:
    with closing(Database(parse_url(database_servers("mariadb").create())).connect()) as connection:
        connection.dialect = replace(connection.dialect, lock=("SELECT GET_LOCK(NULL, 1)",))

        with pytest.raises(DatabaseUnavailable, match="another process"), exclusive(connection):
            pytest.fail("it is not locked")


def test_a_lock_is_got(any_database: Database) -> None:
    entered = False
    with closing(any_database.connect()) as connection, exclusive(connection):
        entered = True

    assert entered
