"""The tables, as numbered migrations that any number of replicas may run at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from webapp.database import Connection, DatabaseError, DatabaseUnavailable

# MySQL commits each statement by itself: every one must bear being run again.
MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS dogapp_counter (
        id INTEGER NOT NULL PRIMARY KEY,
        visits BIGINT NOT NULL,
        catalogue BIGINT NOT NULL
    ){options};

    INSERT INTO dogapp_counter (id, visits, catalogue)
        SELECT 1, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM dogapp_counter);

    CREATE TABLE IF NOT EXISTS dogapp_committers (
        id VARCHAR(32) NOT NULL PRIMARY KEY,
        sequence BIGINT NOT NULL,
        total BIGINT NOT NULL,
        updated BIGINT NOT NULL
    ){options};

    CREATE TABLE IF NOT EXISTS dogapp_pictures (
        collection VARCHAR(16) NOT NULL,
        id VARCHAR(32) NOT NULL,
        name VARCHAR(80) NOT NULL,
        type VARCHAR(32) NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        frames INTEGER NOT NULL,
        size INTEGER NOT NULL,
        source VARCHAR(16) NOT NULL,
        added BIGINT NOT NULL,
        removed INTEGER NOT NULL,
        content {blob} NOT NULL,
        PRIMARY KEY (collection, id)
    ){options};
    """,
)
NUMBERS = """
    CREATE TABLE IF NOT EXISTS dogapp_migrations (
        number INTEGER NOT NULL PRIMARY KEY,
        applied BIGINT NOT NULL
    ){options};
"""
# What a lock answers when it was got: 1 in MySQL, nothing ("void") in PostgreSQL.
GOT = (1, "")


@contextmanager
def exclusive(connection: Connection) -> Iterator[None]:
    """Be the only process that prepares this database.

    When the block raises, the caller closes the connection, which ends the lock. Raises
    DatabaseUnavailable when another process holds it for too long.
    """
    for statement in connection.dialect.lock:
        rows = connection.execute(statement).rows
        if rows and rows[0][0] not in GOT:
            raise DatabaseUnavailable("another process is preparing the database")
    yield
    connection.execute(connection.dialect.unlock)


def is_current(connection: Connection) -> bool:
    """Whether nothing is left to migrate; a schema newer than this app counts as current."""
    try:
        return _last(connection) >= len(MIGRATIONS)
    except DatabaseError:
        return False


def _last(connection: Connection) -> int:
    return int(
        connection.execute("SELECT COALESCE(MAX(number), 0) FROM dogapp_migrations").rows[0][0]
    )


def migrate(connection: Connection) -> None:
    """Bring the schema up to date. Only under `exclusive`.

    Raises DatabaseError or DatabaseUnavailable.
    """
    _run(connection, NUMBERS)
    done = _last(connection)
    for number, script in enumerate(MIGRATIONS[done:], done + 1):
        _run(connection, script)
        connection.execute(
            "INSERT INTO dogapp_migrations (number, applied) VALUES (%s, %s)",
            (number, int(time.time())),
        )


def _run(connection: Connection, script: str) -> None:
    for statement in script.format(**connection.dialect.types).split(";"):
        if statement.strip():
            connection.execute(statement)
