"""The database: connections, a small pool of them, and two errors for everything that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from webapp.dburl import DatabaseUrl
from webapp.dialects import DIALECTS, Dialect, RawConnection


class DatabaseError(Exception):
    """The database refused a statement: a mistake of the app or a missing privilege."""


class DatabaseUnavailable(Exception):  # noqa: N818  # a state more than an error
    """The database cannot be used now. `reason` is safe to show: no host, name or password."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} ({detail})" if detail else reason)
        self.reason = reason


class Result(NamedTuple):
    """The rows of a statement, and how many rows it changed."""

    rows: Sequence[Any]
    changed: int


class Connection:
    """One connection in autocommit mode; transactions are explicit. Not for two threads at once."""

    def __init__(self, raw: RawConnection, dialect: Dialect) -> None:
        self.dialect = dialect
        self._raw = raw
        self._errors = dialect.errors()

    def execute(self, sql: str, params: Sequence[object] = ()) -> Result:
        """Run one statement, written with `%s` for each parameter.

        Raises DatabaseUnavailable or DatabaseError.
        """
        if self.dialect.placeholder != "%s":
            sql = sql.replace("%s", self.dialect.placeholder)
        try:
            cursor = self._raw.cursor()
            try:
                cursor.execute(sql, params or ())
                rows = cursor.fetchall() if cursor.description else ()
                return Result(rows, cursor.rowcount)
            finally:
                cursor.close()
        except self._errors as error:
            raise translate(error, self.dialect) from error

    def row(self, sql: str, params: Sequence[object] = ()) -> Any:
        """The first row of a query that always has one.

        Raises DatabaseUnavailable if somebody took it away, and as `execute` does.
        """
        rows = self.execute(sql, params).rows
        if not rows:
            raise DatabaseUnavailable("counter is missing from the database")
        return rows[0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block does, or roll it back when it raises."""
        self.execute(self.dialect.begin)
        try:
            yield
        except BaseException:
            with suppress(DatabaseError, DatabaseUnavailable):
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def close(self) -> None:
        """Close it, whatever state it is in."""
        with suppress(*self._errors):
            self._raw.close()


def translate(error: BaseException, dialect: Dialect) -> DatabaseError | DatabaseUnavailable:
    """A driver's error as one of the two errors of this module."""
    detail = " ".join(str(error).split())
    if reason := dialect.away(error):
        return DatabaseUnavailable(reason, detail)
    return DatabaseError(detail)


class Database:
    """Connections to one database, and a bounded pool of them for everything but the counter.

    Nothing is opened before it is needed, so an instance may be made before a fork.
    """

    def __init__(self, url: DatabaseUrl, pool_size: int = 4, pool_seconds: float = 3.0) -> None:
        self.url = url
        self.dialect = DIALECTS[url.engine]
        self.on_error: Callable[[Exception], None] = lambda _error: None
        self.on_pool: Callable[[int], None] = lambda _in_use: None
        self._idle: list[Connection] = []
        self._seats = threading.BoundedSemaphore(pool_size)
        self._pool_seconds = pool_seconds
        self._lock = threading.Lock()
        self._in_use = 0

    def connect(self) -> Connection:
        """Open a connection of one's own. Raises DatabaseUnavailable or DatabaseError."""
        try:
            return Connection(self.dialect.connect(self.url), self.dialect)
        except self.dialect.errors() as error:
            raise translate(error, self.dialect) from error

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Borrow a connection that has just answered.

        It goes back to the pool unless the block raised. Raises DatabaseUnavailable, also when all
        connections stay in use for too long.
        """
        if not self._seats.acquire(timeout=self._pool_seconds):
            raise DatabaseUnavailable("all database connections are in use")
        self._count(+1)
        try:
            borrowed = self._checked() or self.connect()
            try:
                yield borrowed
            except BaseException:
                borrowed.close()
                raise
            with self._lock:
                self._idle.append(borrowed)
        except (DatabaseError, DatabaseUnavailable) as error:
            self.on_error(error)
            raise
        finally:
            self._count(-1)
            self._seats.release()

    def close(self) -> None:
        """Close the idle connections; the pool opens new ones when it is used again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _checked(self) -> Connection | None:
        """An idle connection that still answers; those that do not are closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            try:
                connection.execute("SELECT 1")
            except (DatabaseError, DatabaseUnavailable):
                connection.close()
            else:
                return connection

    def _count(self, step: int) -> None:
        with self._lock:
            self._in_use += step
            self.on_pool(self._in_use)
