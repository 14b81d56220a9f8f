"""What differs between SQLite, MySQL/MariaDB and PostgreSQL. Drivers load only when used."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from webapp.dburl import DatabaseUrl

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 15
LOCK_SECONDS = 5
MIGRATION_SECONDS = 10

BUSY = "database is locked"
DENIED = "access to the database was denied"
DISK_FULL = "disk is full"
FULL = "database has too many connections"
INSECURE = "database has no TLS, which it needs to take the password"
LOST = "connection to the database was lost"
GONE = "database file was deleted or replaced"
READ_ONLY = "database is read-only"
REFUSED = "database refused the statement"
MISSING = "database does not exist"
UNREACHABLE = "database cannot be reached"

SQLITE_REASONS = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_CANTOPEN: "database file cannot be opened",
    sqlite3.SQLITE_IOERR: "database file cannot be read or written",
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_READONLY: "database file is read-only",
}
MYSQL_REASONS = {
    1021: DISK_FULL,
    1040: FULL,
    1044: DENIED,
    1045: DENIED,
    1049: MISSING,
    1114: DISK_FULL,
    1142: DENIED,
    1143: DENIED,
    1205: BUSY,
    1213: BUSY,
    1290: READ_ONLY,
    1698: DENIED,
    1792: READ_ONLY,
    1836: READ_ONLY,
    2003: UNREACHABLE,
    2061: INSECURE,
    # What a server says when it stops, when someone kills the session, or when the network fails:
    # the same statement may succeed on the next connection.
    **dict.fromkeys((1053, *range(1152, 1162), 1317, 1927, 3169, 4031), LOST),
}
POSTGRESQL_REASONS = {
    "25006": READ_ONLY,
    "28000": DENIED,
    "28P01": DENIED,
    "3D000": MISSING,
    "40P01": BUSY,
    "53100": DISK_FULL,
    "53300": FULL,
    "55P03": BUSY,
}
# A connection that is refused has no SQLSTATE: libpq does not give it away, and psycopg leaves
# `sqlstate`, `diag` and `pgconn` empty. What is left is the server's text, which is in English
# unless its `lc_messages` says otherwise; then the reason is UNREACHABLE.
POSTGRESQL_REFUSALS = {
    DENIED: (
        r".* authentication failed for user|no pg_hba\.conf entry for|pg_hba\.conf rejects"
        r'|role ".*" (does not exist|is not permitted)|permission denied for database'
    ),
    MISSING: r'database ".*" does not exist',
    FULL: r"(sorry, )?too many |remaining connection slots are reserved",
}


class RawCursor(Protocol):
    """The part of a DB-API cursor that this app uses."""

    @property
    def description(self) -> Any: ...
    @property
    def rowcount(self) -> int: ...
    def execute(self, query: str, params: Any = ..., /) -> object: ...
    def fetchall(self) -> Sequence[Any]: ...
    def close(self) -> None: ...


class RawConnection(Protocol):
    """The part of a DB-API connection that this app uses; always in autocommit mode."""

    def cursor(self) -> RawCursor: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Dialect:
    """One kind of database.

    `begin` starts a transaction that writes. `types` fills the `{blob}` and `{options}` of a
    migration. `lock` begins what one process at a time may do to the schema, `unlock` ends it, and
    so does closing the connection; one that was not got answers NULL or 0. `errors` has the bases
    of what the driver raises, and `away` says why an error means that the database cannot be used
    now, or "" when the statement itself is wrong.
    """

    placeholder: str
    begin: str
    returning: bool
    for_update: str
    types: Mapping[str, str]
    lock: tuple[str, ...]
    unlock: str
    connect: Callable[[DatabaseUrl], RawConnection]
    errors: Callable[[], tuple[type[BaseException], ...]]
    away: Callable[[BaseException], str]


class _FileGone(sqlite3.OperationalError):
    pass


class _SqliteFile(sqlite3.Connection):
    """A connection that ends with its file: SQLite would go on in one that nobody finds again."""

    path = ""
    opened: tuple[int, int] | None = None

    def cursor(self, *arguments: Any) -> Any:
        if self.opened and file_identity(self.path) != self.opened:
            raise _FileGone(GONE)
        return super().cursor(*arguments)


def file_identity(path: str) -> tuple[int, int] | None:
    """What file stands at a path; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  (on the way of every statement)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _sqlite_connect(url: DatabaseUrl) -> RawConnection:
    raw = sqlite3.connect(
        url.name,
        timeout=LOCK_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=_SqliteFile,
    )
    try:
        raw.execute("PRAGMA journal_mode=WAL")
        # What makes a commit in WAL mode survive a power cut: https://www.sqlite.org/pragma.html
        raw.execute("PRAGMA synchronous=FULL")
        raw.path, raw.opened = url.name, file_identity(url.name)
    except BaseException:
        raw.close()
        raise
    return raw


def _sqlite_away(error: BaseException) -> str:
    if isinstance(error, _FileGone):
        return GONE
    # The low byte is the primary code: https://www.sqlite.org/rescode.html
    return SQLITE_REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")


def _mysql_connect(url: DatabaseUrl) -> RawConnection:
    import pymysql

    # Without options PyMySQL connects by TLS where the server has it, and takes any certificate.
    tls: dict[str, Any] = {**url.options}
    if tls:
        tls["ssl_verify_cert"] = True
    try:
        raw = pymysql.connect(
            host=url.host,
            port=url.port,
            user=url.user,
            # PyMySQL would send a text as Latin-1.
            password=url.password.reveal().encode(),
            database=url.name,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=STATEMENT_SECONDS,
            write_timeout=STATEMENT_SECONDS,
            init_command=f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}",
            **tls,
        )
    except RuntimeError as error:
        # A password for caching_sha2_password without TLS, and no library for RSA here. MySQL's
        # own clients refuse with this number too.
        raise pymysql.err.OperationalError(2061, str(error)) from error
    return cast(RawConnection, raw)


def _mysql_errors() -> tuple[type[BaseException], ...]:
    import pymysql

    return (pymysql.err.Error, OSError)


def _mysql_away(error: BaseException) -> str:
    from pymysql.err import InterfaceError, InternalError, OperationalError

    if not isinstance(error, InterfaceError | InternalError | OperationalError | OSError):
        return ""
    code = error.args[0] if error.args else 0
    if code in MYSQL_REASONS:
        return MYSQL_REASONS[code]
    # The client's own numbers are 2000 to 2999, the others were sent by a server that is there:
    # https://dev.mysql.com/doc/mysql-errors/8.4/en/error-message-components.html
    return LOST if not isinstance(code, int) or code == 0 or 2000 <= code < 3000 else REFUSED


def _postgresql_connect(url: DatabaseUrl) -> RawConnection:
    import psycopg

    options: dict[str, Any] = {**url.options}
    raw = psycopg.connect(
        host=url.host,
        port=url.port,
        user=url.user,
        password=url.password.reveal(),
        dbname=url.name,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        tcp_user_timeout=STATEMENT_SECONDS * 1000,
        **options,
    )
    try:
        raw.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        raw.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
        raw.execute(f"SET idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s'")
    except BaseException:
        raw.close()
        raise
    return cast(RawConnection, raw)


def _postgresql_errors() -> tuple[type[BaseException], ...]:
    import psycopg

    return (psycopg.Error, OSError)


def _postgresql_away(error: BaseException) -> str:
    import psycopg

    state = getattr(error, "sqlstate", None)
    # Before the class is looked at: "25006" is an InternalError.
    if state in POSTGRESQL_REASONS:
        return POSTGRESQL_REASONS[state]
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | OSError):
        return ""
    return LOST if state else _postgresql_refusal(str(error))


def _postgresql_refusal(text: str) -> str:
    told = text.partition("FATAL:")[2].lstrip()
    for reason, pattern in POSTGRESQL_REFUSALS.items():
        if re.match(pattern, told):
            return reason
    # What libpq itself says when the server wants a password and DATABASE_URL has none.
    return DENIED if "fe_sendauth: no password supplied" in text else UNREACHABLE


DIALECTS = {
    "sqlite": Dialect(
        placeholder="?",
        begin="BEGIN IMMEDIATE",
        returning=True,
        for_update="",
        types={"blob": "BLOB", "options": ""},
        lock=("BEGIN EXCLUSIVE",),
        unlock="COMMIT",
        connect=_sqlite_connect,
        errors=lambda: (sqlite3.Error,),
        away=_sqlite_away,
    ),
    "mysql": Dialect(
        placeholder="%s",
        begin="BEGIN",
        returning=False,
        for_update=" FOR UPDATE",
        types={"blob": "LONGBLOB", "options": " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"},
        # A lock of the session, because DDL ends a transaction; of the whole server, hence the
        # database in its name.
        lock=(f"SELECT GET_LOCK(CONCAT('dogapp-', SHA2(DATABASE(), 224)), {MIGRATION_SECONDS})",),
        unlock="SELECT RELEASE_LOCK(CONCAT('dogapp-', SHA2(DATABASE(), 224)))",
        connect=_mysql_connect,
        errors=_mysql_errors,
        away=_mysql_away,
    ),
    "postgresql": Dialect(
        placeholder="%s",
        begin="BEGIN",
        returning=True,
        for_update=" FOR UPDATE",
        types={"blob": "BYTEA", "options": ""},
        lock=(
            "BEGIN",
            f"SET LOCAL lock_timeout = '{MIGRATION_SECONDS}s'",
            "SELECT pg_advisory_xact_lock(3683541)",
        ),
        unlock="COMMIT",
        connect=_postgresql_connect,
        errors=_postgresql_errors,
        away=_postgresql_away,
    ),
}
