"""Where the database is: `DATABASE_URL`, or the five `DB_*` variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from webapp.secret import Secret

ENGINES = {
    "sqlite": "sqlite",
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgres": "postgresql",
    "postgresql": "postgresql",
}
PORTS = {"sqlite": 0, "mysql": 3306, "postgresql": 5432}
OPTIONS = {
    "sqlite": frozenset[str](),
    "mysql": frozenset({"ssl_ca", "ssl_cert", "ssl_key"}),
    "postgresql": frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey"}),
}
# A certificate's key is given as a file's path, which is no secret.
_is_secret = re.compile("pass|secret|token", re.IGNORECASE).search


@dataclass(frozen=True)
class DatabaseUrl:
    """The address of a database. `name` is the file's path for SQLite."""

    engine: str
    name: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: Secret = field(default_factory=Secret)
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The address without its password and the secrets among its options."""
        if self.engine == "sqlite":
            return f"sqlite:///{self.name}"
        password = ":***" if self.password else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        account = f"{quote(self.user)}{password}"
        shown = _shown(self.options)
        return f"{self.engine}://{account}@{host}:{self.port}/{quote(self.name)}{shown}"


def _shown(options: Mapping[str, str]) -> str:
    pairs = (
        f"{quote(name)}={'***' if _is_secret(name) else quote(value)}"
        for name, value in options.items()
    )
    return f"?{'&'.join(pairs)}" if options else ""


def parse_url(text: str) -> DatabaseUrl:
    """Read a `DATABASE_URL`.

    `sqlite:///file.db` is relative to the current folder and `sqlite:////folder/file.db` absolute,
    as in SQLAlchemy. Raises ValueError with a message that repeats no part of the password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL with a valid host and port") from None
    engine = ENGINES.get(parts.scheme)
    if engine is None:
        raise ValueError(f"must start with one of {', '.join(f'{name}://' for name in ENGINES)}")
    name = unquote(parts.path.removeprefix("/"))
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - OPTIONS[engine]):
        raise ValueError(f"has options unknown to {engine}: {', '.join(unknown)}")
    if engine == "sqlite" and (parts.netloc or not name):
        raise ValueError(
            "needs a file: sqlite:///file.db in the current folder, sqlite:////folder/file.db elsewhere"
        )
    if engine == "sqlite":
        return DatabaseUrl(engine, name)
    if not (parts.hostname and name and parts.username):
        raise ValueError(f"must look like {parts.scheme}://user:password@host:port/name")
    return DatabaseUrl(
        engine,
        name,
        parts.hostname,
        port or PORTS[engine],
        unquote(parts.username),
        Secret(unquote(parts.password or "")),
        options,
    )


def missing_folder(url: DatabaseUrl) -> str:
    """What is wrong with the folder of an SQLite file; "" when nothing is."""
    folder = Path(url.name).absolute().parent
    if url.engine != "sqlite" or folder.is_dir():
        return ""
    return f"DATABASE_URL: there is no folder {folder} (an absolute path has four slashes)"


def from_parts(
    engine: str, host: str, port: int | None, name: str, user: str, password: Secret
) -> DatabaseUrl:
    """Build the address from DB_ENGINE, DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD.

    Raises ValueError that names the missing variables.
    """
    kind = ENGINES[engine]
    needed = (
        {"DB_NAME": name}
        if kind == "sqlite"
        else {"DB_HOST": host, "DB_NAME": name, "DB_USER": user}
    )
    if missing := [variable for variable, value in needed.items() if not value]:
        raise ValueError(f"DB_ENGINE={engine} also needs {', '.join(missing)}")
    if kind == "sqlite":
        return DatabaseUrl(kind, name)
    return DatabaseUrl(kind, name, host, port or PORTS[kind], user, password)
