"""A git repository over HTTP, as GitHub has it: git's own `http-backend` behind a small server.

https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

from tests.testbed.registries.serving import served

NAME = "team/charts.git"


@dataclass
class GitServer:
    """A bare repository.

    `token` is what has to be given to push, if it is set; `pushes` counts those that were tried.
    """

    folder: Path
    host: str = ""
    token: str | None = None
    pushes: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}/{NAME}"

    def git(self, *words: str) -> str:
        """What git says in it."""
        return subprocess.run(
            ["git", *words], cwd=self.folder / NAME, check=True, capture_output=True, text=True
        ).stdout

    def checkout(self, folder: Path, branch: str = "gh-pages") -> Path:
        """The files of a branch, as its web server would show them."""
        folder.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(
            ["git", "archive", branch], cwd=self.folder / NAME, check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
        return folder


@contextmanager
def git_server() -> Iterator[GitServer]:
    """An empty repository on this machine."""
    with tempfile.TemporaryDirectory(prefix="dogctl-git-") as name:
        found = GitServer(Path(name))
        subprocess.run(["git", "init", "--quiet", "--bare", NAME], cwd=name, check=True)
        found.git("config", "http.receivepack", "true")
        found.git("config", "uploadpack.allowFilter", "true")
        with served(handler(found), nullcontext) as found.host:
            yield found


def handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    """What answers for it."""

    class Handler(BaseHTTPRequestHandler):
        """Hands requests on to git."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(b"")

        def do_POST(self) -> None:
            self.answer(self.body())

        def body(self) -> bytes:
            """What was sent, in pieces or as a whole, and maybe compressed."""
            if self.headers.get("Transfer-Encoding") == "chunked":
                sent = b""
                while size := int(self.rfile.readline(), 16):
                    sent += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            return gzip.decompress(sent) if self.headers.get("Content-Encoding") == "gzip" else sent

        def answer(self, body: bytes) -> None:
            if "git-receive-pack" in self.path:
                server.pushes.append(self.headers.get("Authorization", ""))
                if not self.allowed():
                    self.reply(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
                    return
            parts = urlsplit(self.path)
            environ = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "dog",
                "REMOTE_ADDR": "127.0.0.1",
            }
            said = subprocess.run(
                ["git", "http-backend"], env=environ, input=body, capture_output=True, check=True
            ).stdout
            head, _, content = said.partition(b"\r\n\r\n")
            lines = [line.partition(": ") for line in head.decode().split("\r\n")]
            status = next((value for name, _, value in lines if name == "Status"), "200")
            rest = [(name, value) for name, _, value in lines if name != "Status"]
            self.reply(int(status.split()[0]), rest, content)

        def allowed(self) -> bool:
            if server.token is None:
                return True
            basic = base64.b64encode(f"x-access-token:{server.token}".encode()).decode()
            return self.headers.get("Authorization") == f"Basic {basic}"

        def reply(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(content)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
