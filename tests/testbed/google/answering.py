"""The requests to a Google over HTTP: APIs, tokens, and the metadata server of its machines.

https://cloud.google.com/compute/docs/metadata/overview
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.testbed.google.accounts import Account, Accounts
from tests.testbed.google.answers import Answer, error
from tests.testbed.google.storage import Request, Stored

METADATA = "/computeMetadata/v1"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


class Asked(Protocol):
    """What answers."""

    accounts: Accounts
    machine: Account | None

    def ask(self, request: Request, authorization: str) -> Answer:
        """The answer of an API."""

    def review(self, body: Any) -> Answer:
        """What the API server wants to know of a token."""


def metadata(google: Asked, path: str) -> Answer:
    """What a machine of Google's is told of itself."""
    if google.machine is None:
        return 404, {}
    email = google.machine.email
    match path.removeprefix(METADATA).rstrip("/"):
        case "" | "/instance":
            return 200, {}
        case "/project/project-id":
            return 200, google.machine.project
        case "/universe/universe-domain" | "/universe/universe_domain":
            return 200, "googleapis.com"
        case "/instance/service-accounts/default/token":
            return 200, google.accounts.give(email)
        case "/instance/service-accounts/default/email":
            return 200, email
        case "/instance/service-accounts/default":
            return 200, {"aliases": ["default"], "email": email, "scopes": SCOPES}
        case other if other == f"/instance/service-accounts/{email}/token":
            return 200, google.accounts.give(email)
        case _:
            return 404, {}


class Answering(BaseHTTPRequestHandler):
    """Answers requests."""

    google: Asked

    def do_GET(self) -> None:
        """An API, or the metadata server."""
        path = urlsplit(self.path).path
        if path.startswith(METADATA) or path == "/":
            self.answer(*metadata(self.google, path if path != "/" else METADATA))
        else:
            self.ask()

    def do_POST(self) -> None:
        """A token, or what the API server asks."""
        match urlsplit(self.path).path:
            case "/token":
                self.answer(*self.google.accounts.exchange(parse_qs(self.content().decode())))
            case "/tokenreview":
                self.answer(*self.google.review(json.loads(self.content())))
            case _:
                self.ask()

    def do_PATCH(self) -> None:
        """A change."""
        self.ask()

    def do_DELETE(self) -> None:
        """An end."""
        self.ask()

    def ask(self) -> None:
        """An API."""
        url = urlsplit(self.path)
        kind = self.headers.get("Content-Type", "")
        query = dict(parse_qsl(url.query))
        request = Request(self.command, url.path, query, self.content(), kind)
        try:
            answer = self.google.ask(request, self.headers.get("Authorization", ""))
        except Exception as bug:  # noqa: BLE001  (any is told)
            # Of the stand-in. A cut connection, as this would end, means something else.
            answer = error(500, "INTERNAL", f"{self.path}: {bug!r}")
        self.answer(*answer)

    def content(self) -> bytes:
        """What came with the request, in one piece or in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def answer(self, status: int, body: Any) -> None:
        """Answer in JSON; a word alone is text, an object what is in it. Without a status the connection is cut."""
        if not status:
            self.close_connection = True
            return
        content, kind = encoded(body)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(content)))
        if isinstance(body, Stored):
            self.send_header("X-Goog-Generation", str(body.generation))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def encoded(body: Any) -> tuple[bytes, str]:
    """The content of an answer and its type."""
    if body is None:
        return b"", "text/plain"
    if isinstance(body, Stored):
        return body.content, body.kind
    if isinstance(body, str):
        return body.encode(), "application/text"
    return json.dumps(body).encode(), "application/json"
