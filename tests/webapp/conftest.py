"""The app in this process, as processes of its own, and the databases under it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.testbed.databases import DatabaseServer, mariadb, postgresql
from tests.testbed.ports import free_port
from tests.testbed.processes import kill_all, tree_of
from webapp.app import WebApp, create_app
from webapp.database import Database
from webapp.dburl import DatabaseUrl, parse_url
from webapp.logs import Log
from webapp.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 30
REAL_DATABASES = {"mariadb": mariadb, "postgresql": postgresql}


class Lines:
    """A log in memory."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, line: bytes, *, urgent: bool) -> None:  # noqa: ARG002
        """Keep a line."""
        self.text += line.decode()

    def flush(self) -> None:
        """Nothing is waiting."""

    def events(self) -> list[dict[str, object]]:
        """All lines, parsed."""
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def lines() -> Lines:
    """What `app` logs."""
    return Lines()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> DatabaseUrl:
    """An SQLite file that does not exist yet."""
    return DatabaseUrl("sqlite", str(tmp_path / "dogs.db"))


@pytest.fixture
def make_app(sqlite_url: DatabaseUrl, lines: Lines) -> Iterator[Callable[..., WebApp]]:
    """Make apps with some settings changed; they are closed at the end."""
    with ExitStack() as apps:

        def make(**changes: Any) -> WebApp:
            settings = replace(Settings(database=sqlite_url), **changes)
            app = create_app(settings, Log(settings.secrets(), lines))
            apps.callback(app.close)
            return app

        yield make


@pytest.fixture
def app(make_app: Callable[..., WebApp]) -> WebApp:
    """The app on a fresh SQLite database."""
    return make_app()


@pytest.fixture
def client(app: WebApp) -> FlaskClient:
    """A client of `app`."""
    return app.test_client()


@pytest.fixture
def runner(
    sqlite_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, object]]]:
    """Run `webapp.admin` on the database of `app`: exit code and answer."""
    from webapp.admin import main

    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{sqlite_url.name}")

    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        code = main(arguments)
        printed = capsys.readouterr()
        assert printed.err == ""
        return code, json.loads(printed.out)

    return run


def picture(kind: str = "GIF", size: tuple[int, int] = (8, 6), frames: int = 1) -> bytes:
    """A small picture; animated when it has several frames."""
    images = [Image.new("RGB", size, (index * 7 % 256, 80, 120)) for index in range(frames)]
    file = BytesIO()
    images[0].save(file, kind, save_all=frames > 1, append_images=images[1:])
    return file.getvalue()


@pytest.fixture(scope="session")
def database_servers() -> Iterator[Callable[[str], DatabaseServer]]:
    """Real database servers by name, started when first asked for."""
    with ExitStack() as stack:
        running: dict[str, DatabaseServer] = {}

        def get(name: str) -> DatabaseServer:
            if name not in running:
                running[name] = stack.enter_context(REAL_DATABASES[name]())
            return running[name]

        yield get


@pytest.fixture(
    params=[
        pytest.param("mariadb", marks=pytest.mark.real),
        pytest.param("postgresql", marks=pytest.mark.real),
    ]
)
def server_database(
    request: pytest.FixtureRequest, database_servers: Callable[[str], DatabaseServer]
) -> DatabaseServer:
    """Each real database server in turn, running."""
    return database_servers(request.param)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("mariadb", marks=pytest.mark.real),
        pytest.param("postgresql", marks=pytest.mark.real),
    ]
)
def any_url(
    request: pytest.FixtureRequest,
    sqlite_url: DatabaseUrl,
    database_servers: Callable[[str], DatabaseServer],
) -> str:
    """The DATABASE_URL of an empty database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{sqlite_url.name}"
    return database_servers(request.param).create()


@pytest.fixture
def any_database(any_url: str) -> Iterator[Database]:
    """An empty database of each kind in turn."""
    database = Database(parse_url(any_url))
    yield database
    database.close()


@dataclass
class Served:
    """A running `python -m webapp`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    environment: dict[str, str] = field(repr=False)

    def get(
        self, path: str = "/", headers: dict[str, str] | None = None, timeout: float = 30
    ) -> tuple[int, str]:
        """Status and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def json(self, path: str) -> object:
        """The JSON answer of a request that must succeed."""
        status, body = self.get(path)
        assert status == 200, body
        return json.loads(body)

    def workers(self) -> list[psutil.Process]:
        """The worker processes."""
        main = psutil.Process(self.process.pid)
        return [worker for granian in main.children() for worker in granian.children()]

    def events(self) -> list[dict[str, object]]:
        """The log so far; every line must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def terminate(self) -> int:
        """Stop it in an orderly way and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def wait(
        self, path: str = "/healthz", status: int = 200, seconds: float = START_SECONDS
    ) -> str:
        """Wait for an answer with that status; returns its body."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found, body = self.get(path, timeout=5)
                if found == status:
                    return body
            except (OSError, http.client.HTTPException) as error:
                body = repr(error)
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, body
            time.sleep(0.02)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start `python -m webapp` with a DATABASE_URL and other variables; all are stopped."""
    running: list[Served] = []

    def start(database_url: str, *, wait: bool = True, **variables: str) -> Served:
        log = tmp_path / f"webapp-{len(running)}.log"
        variables = {"FLASK_PORT": str(free_port()), "DATABASE_URL": database_url, **variables}
        environment = {**os.environ, **variables}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "webapp"],
                cwd=REPOSITORY,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        served = Served(process, int(variables["FLASK_PORT"]), log, environment)
        running.append(served)
        if wait:
            served.wait()
        return served

    yield start
    for served in running:
        end(served.process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process, or kill it with its descendants when it does not stop."""
    tree = tree_of(process.pid)
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        kill_all(tree)
        process.wait()


def number_in(page: str) -> int:
    """The visitor number a page shows."""
    found = re.search(r'data-count="(\d+)"', page)
    assert found, page[:500]
    return int(found[1])
