"""The settings, read from environment variables: every problem at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TypeVar

from webapp.dburl import ENGINES, DatabaseUrl, from_parts, parse_url
from webapp.faults import Faults, parse_faults
from webapp.secret import Secret

T = TypeVar("T")
Network = IPv4Network | IPv6Network
TITLES = {"dogs": "Dog GIF App", "stars": "Star Image App"}


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has one readable line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Limits:
    """What an added picture may cost: bytes, pixels, frames, and seconds for a download."""

    bytes: int = 5_000_000
    pixels: int = 4_000_000
    frames: int = 300
    total_pixels: int = 200_000_000
    seconds: float = 20.0


@dataclass(frozen=True)
class Settings:
    """The effective configuration. Durations are seconds."""

    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 2
    threads: int = 16
    stop_timeout: float = 8.0
    collection: str = "dogs"
    database: DatabaseUrl = field(default_factory=lambda: DatabaseUrl("sqlite", "dogs.db"))
    database_wait: float = 10.0
    visit_timeout: float = 10.0
    db_password: Secret = field(default_factory=Secret)
    db_secret: Secret = field(default_factory=Secret)
    secret_keys: Secret = field(default_factory=Secret)
    faults: Faults = field(default_factory=Faults)
    version: str = "unknown"
    limits: Limits = field(default_factory=Limits)
    fetch_networks: tuple[Network, ...] = ()

    @property
    def title(self) -> str:
        """The page's title."""
        return TITLES[self.collection]

    def public(self) -> dict[str, object]:
        """The effective configuration by variable name, secrets only as `set` or `unset`."""
        return {
            "APP_VERSION": self.version,
            "COLLECTION": self.collection,
            "DATABASE_URL": str(self.database),
            "DATABASE_WAIT": self.database_wait,
            "DB_PASSWORD": str(self.database.password or self.db_password),
            "DB_SECRET": str(self.db_secret),
            "FAULTS": str(self.faults),
            "FETCH_ALLOW_NETWORKS": ",".join(str(network) for network in self.fetch_networks),
            "FETCH_TIMEOUT": self.limits.seconds,
            "FLASK_HOST": self.host,
            "FLASK_PORT": self.port,
            "GIF_MAX_BYTES": self.limits.bytes,
            "GIF_MAX_FRAMES": self.limits.frames,
            "GIF_MAX_PIXELS": self.limits.pixels,
            "GIF_MAX_TOTAL_PIXELS": self.limits.total_pixels,
            "SECRET_KEYS": str(self.secret_keys),
            "STOP_TIMEOUT": self.stop_timeout,
            "VISIT_TIMEOUT": self.visit_timeout,
            "WEB_CONCURRENCY": self.workers,
            "WEB_THREADS": self.threads,
        }

    def secrets(self) -> list[str]:
        """The texts that no answer and no log line may contain."""
        held = (self.database.password, self.db_password, self.db_secret, self.secret_keys)
        texts = [secret.reveal() for secret in held if secret]
        # Several keys may stand in one variable, and each is a secret by itself.
        keys = re.split(r"[,\s]+", self.secret_keys.reveal())
        return list(dict.fromkeys(text for text in texts + keys if text))


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as not given.

    Raises SettingsError with every problem found.
    """
    read = _Reader(environ)
    usual = Settings()
    password = read("DB_PASSWORD", Secret(), Secret)
    settings = Settings(
        host=read("FLASK_HOST", usual.host, _host),
        port=read("FLASK_PORT", usual.port, _integer(1, 65535)),
        workers=read("WEB_CONCURRENCY", usual.workers, _integer(1, 64)),
        threads=read("WEB_THREADS", usual.threads, _integer(2, 512)),
        stop_timeout=read("STOP_TIMEOUT", usual.stop_timeout, _seconds(1, 600)),
        collection=read("COLLECTION", usual.collection, _choice(TITLES)),
        database=_database(read, password),
        database_wait=read("DATABASE_WAIT", usual.database_wait, _seconds(0, 600)),
        visit_timeout=read("VISIT_TIMEOUT", usual.visit_timeout, _seconds(0.1, 60)),
        db_password=password,
        db_secret=read("DB_SECRET", Secret(), Secret),
        secret_keys=read("SECRET_KEYS", Secret(), Secret),
        faults=read("FAULTS", usual.faults, parse_faults),
        version=read("APP_VERSION", usual.version, _version),
        limits=Limits(
            bytes=read("GIF_MAX_BYTES", usual.limits.bytes, _integer(1, 15_000_000)),
            pixels=read("GIF_MAX_PIXELS", usual.limits.pixels, _integer(1, 100_000_000)),
            frames=read("GIF_MAX_FRAMES", usual.limits.frames, _integer(1, 10_000)),
            total_pixels=read(
                "GIF_MAX_TOTAL_PIXELS", usual.limits.total_pixels, _integer(1, 2_000_000_000)
            ),
            seconds=read("FETCH_TIMEOUT", usual.limits.seconds, _seconds(0.1, 300)),
        ),
        fetch_networks=read("FETCH_ALLOW_NETWORKS", (), _networks),
    )
    if read.problems:
        raise SettingsError(read.problems)
    return settings


class _Reader:
    """Reads variables, and keeps what is wrong with them instead of raising it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def __call__(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        try:
            text = self._text(name)
            return parse(text) if text else default
        except ValueError as error:
            self.problems.append(f"{name} {error}")
            return default

    def _text(self, name: str) -> str:
        """The value, or what stands in the file that NAME_FILE names, as with official images."""
        file = self._environ.get(f"{name}_FILE", "").strip()
        if self._environ.get(name, "").strip() or not file:
            return self._environ.get(name, "").strip()
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ValueError(f"cannot be read from {file}: {reason}") from None


def _database(read: _Reader, password: Secret) -> DatabaseUrl:
    usual = Settings().database
    engine = read("DB_ENGINE", "", _choice(ENGINES))
    host, name, user = (read(variable, "", str) for variable in ("DB_HOST", "DB_NAME", "DB_USER"))
    port = read("DB_PORT", None, _integer(1, 65535))
    url = read("DATABASE_URL", None, parse_url)
    if url is not None:
        return url
    if not (engine or host or name or user):
        return usual
    try:
        return from_parts(engine or "mysql", host, port, name, user, password)
    except ValueError as error:
        read.problems.append(str(error))
        return usual


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not re.fullmatch(r"\d{1,5}(\.\d{1,6})?", text) or not low <= float(text) <= high:
            raise ValueError(f"must be seconds from {low:g} to {high:g}, not {text!r}")
        return float(text)

    return parse


def _choice(allowed: Mapping[str, object]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}, not {text!r}")
        return text

    return parse


def _host(text: str) -> str:
    """The address to listen on; the server takes no names."""
    if text.lower() == "localhost":
        return "127.0.0.1"
    try:
        # Without a zone, which the server does not take either.
        return str(ip_address(text.replace("%", " ")))
    except ValueError:
        raise ValueError(f"must be an IP address, not {text!r}") from None


def _version(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z.+_-]{1,128}", text):
        raise ValueError(f"must be a version such as 1.4.0, not {text!r}")
    return text


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8: {error}") from None
