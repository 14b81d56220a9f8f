"""Projects to try dogctl on, and the command line as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.ports import free_port

# A server in ten lines, so that these tests are about dogctl and not about its bundled app.
TINY_APP = """
import http.server, os, signal, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("GREETING", "hello").encode()
        self.send_response(int(os.environ.get("STATUS", "200")))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

def stop(*_):
    time.sleep(float(os.environ.get("STOP_SECONDS", "0")))
    print(os.environ.get("ON_STOP", ""), flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
if len(sys.argv) > 2:
    print("about to fail", file=sys.stderr)
    sys.exit(int(sys.argv[2]))
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Done:
    """A finished dogctl: exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[Any]:
        return [json.loads(line) for line in self.err.splitlines()]


class Project:
    """A project folder and a dogctl that runs in it."""

    patience = 60.0

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()

    def configure(self, text: str) -> None:
        (self.root / "pyproject.toml").write_text(text)

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dogctl", *words]

    def environ(self, **variables: str) -> dict[str, str]:
        return {**os.environ, "FLASK_PORT": str(self.port), **variables}

    def dogctl(self, *words: str, stdin: str | None = None, **variables: str) -> Done:
        done = subprocess.run(
            self.argv(*words),
            cwd=self.root,
            env=self.environ(**variables),
            stdin=subprocess.DEVNULL if stdin is None else None,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Callable[[], Project]]:
    """Makes empty folders with a dogctl; what runs in them is stopped at the end."""
    made: list[Project] = []

    def make() -> Project:
        root = tmp_path / f"project{len(made)}"
        root.mkdir()
        made.append(Project(root))
        return made[-1]

    yield make
    for project in made:
        project.dogctl("down")


@pytest.fixture
def tiny(new_project: Callable[[], Project]) -> Project:
    """A project with a tiny server of its own."""
    project = new_project()
    (project.root / "serve.py").write_text(TINY_APP)
    project.configure(
        '[tool.dogctl]\nname = "tiny"\nserve = ["{python}", "serve.py", "{port}"]\n'
        "stop-timeout = 3\n"
    )
    return project
