"""Real database servers as plain processes on a free port of 127.0.0.1, each with a fresh folder.

They are started, killed and restarted by process id, and nothing of them is left behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import quote

import psycopg
import pymysql

from tests.testbed.debian import ensure
from tests.testbed.ports import free_port
from tests.testbed.processes import kill_all, tree_of

Server = TypeVar("Server", bound="DatabaseServer")
USER = "dog"
PASSWORD = "p@ss/w:rd%41 ü"
START_SECONDS = 60


class DatabaseServer(ABC):
    """A database server that a test may kill and start again."""

    scheme: str
    account: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            # Neither server runs as root, and none needs to.
            shutil.chown(folder, self.account, self.account)

    def create(self) -> str:
        """Create an empty database and return its DATABASE_URL."""
        name = f"dogs{next(self._numbers)}"
        self.create_database(name)
        return self.url(name)

    def url(self, name: str, port: int | None = None) -> str:
        """The DATABASE_URL of a database, also for a proxy's port before this server."""
        password = quote(PASSWORD, safe="")
        return f"{self.scheme}://{USER}:{password}@127.0.0.1:{port or self.port}/{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = self._popen(self.command(), log=log)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "server.log").read_text(errors="replace")
                raise RuntimeError(f"{self.scheme} did not start:\n{text[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the server and all its processes at once, as a power cut of the database would."""
        if self._process is None:
            return
        tree = tree_of(self._process.pid)
        kill_all(tree)
        self._process.wait()
        self._process = None

    @contextmanager
    def full(self) -> Iterator[None]:
        """No further connection is to be had."""
        with ExitStack() as held:
            try:
                while True:
                    held.enter_context(closing(self._connect()))
            except (pymysql.Error, psycopg.Error):
                pass
            yield

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server takes connections and answers nothing, as with a disk that hangs."""
        tree = tree_of(self._process.pid) if self._process else []
        for process in tree:
            process.suspend()
        try:
            yield
        finally:
            for process in tree:
                process.resume()

    def _popen(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        account = self.account if os.geteuid() == 0 else None
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.folder)},
            user=account,
            group=account,
            extra_groups=[] if account else None,
        )

    def _run(self, command: list[str]) -> None:
        with (self.folder / "setup.log").open("ab") as log:
            if self._popen(command, log=log).wait(timeout=START_SECONDS):
                text = (self.folder / "setup.log").read_text(errors="replace")
                raise RuntimeError(f"{command[0]} failed:\n{text[-2000:]}")

    @abstractmethod
    def set_up(self) -> None:
        """Fill the fresh folder; the server does not run yet."""

    @abstractmethod
    def command(self) -> list[str]:
        """The server's command line."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes connections."""

    @abstractmethod
    def create_database(self, name: str) -> None:
        """Create an empty database that USER may do anything with."""

    @abstractmethod
    def _connect(self) -> Any:
        """A connection of the server's administrator."""


class MariaDb(DatabaseServer):
    """Debian's mariadb-server, with its own defaults: durable commits."""

    scheme = "mysql"
    account = "mysql"

    def set_up(self) -> None:
        """Create the system tables and the user."""
        self._run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.folder}/data",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ]
        )

    def command(self) -> list[str]:
        """The server's command line."""
        return [
            "mariadbd",
            "--no-defaults",
            f"--datadir={self.folder}/data",
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
        ]

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self._connect().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> None:
        """Create an empty database that USER may do anything with."""
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            for host in ("localhost", "127.0.0.1"):
                account = f"'{USER}'@'{host}'"
                cursor.execute(f"GRANT ALL ON {name}.* TO {account} IDENTIFIED BY %s", (PASSWORD,))

    def _connect(self) -> pymysql.Connection[pymysql.cursors.Cursor]:
        # Not over the Unix socket, which PyMySQL does not close when the server is away.
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=5)


class Postgresql(DatabaseServer):
    """Debian's postgresql, with its own defaults: durable commits."""

    scheme = "postgresql"
    account = "postgres"

    def set_up(self) -> None:
        """Create the cluster; USER needs a password over TCP."""
        tool = str(self._bin() / "initdb")
        self._run(
            [
                tool,
                f"--pgdata={self.folder}/data",
                "--username=postgres",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
            ]
        )

    def command(self) -> list[str]:
        """The server's command line."""
        return [
            str(self._bin() / "postgres"),
            "-D",
            f"{self.folder}/data",
            "-k",
            str(self.folder),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> None:
        """Create an empty database that USER may do anything with."""
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (USER,))
            if not known.fetchone():
                password = psycopg.sql.Literal(PASSWORD)
                connection.execute(
                    psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        psycopg.sql.Identifier(USER), password
                    )
                )
            connection.execute(f"CREATE DATABASE {name} OWNER {USER}".encode())

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user="postgres",
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _bin(self) -> Path:
        return max(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def mariadb() -> Iterator[MariaDb]:
    """A running MariaDB server. Raises MissingPackages."""
    ensure("mariadb-server")
    with _running(MariaDb) as server:
        yield server


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """A running PostgreSQL server. Raises MissingPackages."""
    ensure("postgresql")
    with _running(Postgresql) as server:
        yield server


@contextmanager
def _running(kind: type[Server]) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix=f"dogctl-{kind.scheme}-") as folder:
        server = kind(Path(folder))
        server.set_up()
        server.start()
        try:
            yield server
        finally:
            server.kill()
