"""Docker Hub's token and tag API, with the answers of its documentation and its known quirks.

https://docs.docker.com/reference/api/hub/latest/
Rate limits, server errors and dropped connections come from a FaultyProxy before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from itertools import count
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.testbed.registries.registry import PASSWORD, USERNAME
from tests.testbed.registries.serving import Network, served

TAGS = re.compile(r"/v2/(?:namespaces/([^/]+)/)?repositories/([^/]+(?:/[^/]+)?)/tags")
TAG = re.compile(r"/v2/repositories/([^/]+/[^/]+)/tags/([^/]+)/?")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
Answer = tuple[int, Any]


@dataclass
class Repository:
    """The tags of a repository, and how it misbehaves.

    `tags`: digest by name, oldest first. `forbidden` tags cannot be deleted; deleting `phantom`
    ones is answered well and does nothing. `uncounted`: how far the count lags behind.
    """

    tags: dict[str, str] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    phantom: set[str] = field(default_factory=set)
    uncounted: int = 0


class Hub:
    """What Docker Hub knows; tests change it at will.

    `requests_per_token`: after so many requests a token has expired. `listed`: how many tags it
    lists at most.
    """

    def __init__(self) -> None:
        self.url = ""
        self.repositories: dict[str, Repository] = {}
        self.requests_per_token = 1000
        self.listed = 1000
        self.logins = 0
        self._left: dict[str, int] = {}
        self._numbers = count(1)
        self._lock = Lock()

    def log_in(self, identifier: str, secret: str) -> Answer:
        """A token for the right password."""
        if (identifier, secret) != (USERNAME, PASSWORD):
            return 401, {"message": "unauthorized", "detail": "incorrect username or password"}
        with self._lock:
            self.logins += 1
            token = f"canary-hub-token-{next(self._numbers)}"
            self._left[token] = self.requests_per_token
        return 200, {"access_token": token}

    def accepts(self, authorization: str) -> bool:
        """Whether a token is good, once more."""
        token = authorization.removeprefix("Bearer ")
        with self._lock:
            self._left[token] = self._left.get(token, 0) - 1
            return self._left[token] >= 0

    def page(self, name: str, url: str, query: dict[str, list[str]]) -> Answer:
        """A page of tags, newest first."""
        found = self.repositories.get(name)
        if found is None:
            return 404, {"message": "object not found", "errinfo": {}}
        size = min(int(query.get("page_size", ["10"])[0]), 100)
        number = int(query.get("page", ["1"])[0])
        entries = [entry(index, *tag) for index, tag in enumerate(found.tags.items())][::-1]
        entries = entries[: self.listed]
        more = number * size < len(entries)
        return 200, {
            "count": len(found.tags) - found.uncounted,
            "next": f"{url}?page={number + 1}&page_size={size}" if more else None,
            "previous": f"{url}?page={number - 1}&page_size={size}" if number > 1 else None,
            "results": entries[(number - 1) * size : number * size],
        }

    def delete(self, name: str, tag: str) -> Answer:
        """Delete a tag."""
        found = self.repositories.get(name)
        if found is None or tag not in found.tags:
            return 404, {"message": "object not found", "errinfo": {}}
        if tag in found.forbidden:
            return 403, {"detail": "access denied", "message": "access denied", "errinfo": {}}
        if tag not in found.phantom:
            del found.tags[tag]
        return 204, None


def entry(index: int, name: str, digest: str) -> dict[str, Any]:
    """A tag as it is listed; each was pushed an hour after the one before."""
    pushed = (BEGAN + timedelta(hours=index)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    image = {"architecture": "amd64", "os": "linux", "digest": digest, "size": 1000 + index}
    return {
        "name": name,
        "digest": digest,
        "last_updated": pushed,
        "tag_last_pushed": pushed,
        "tag_last_pulled": None,
        "tag_status": "active",
        "full_size": 1000 + index,
        "images": [image],
    }


@contextmanager
def hub(network: Network = nullcontext) -> Iterator[Hub]:
    """Docker Hub's API, gone at the end."""
    found = Hub()

    class Handler(Answering):
        """One for this hub."""

        hub = found

    with served(Handler, network) as host:
        found.url = f"http://{host}"
        yield found


class Answering(BaseHTTPRequestHandler):
    """Answers requests to the API."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Log in; the second address is the older one."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.path:
            case "/v2/auth/token":
                self.answer(*self.hub.log_in(body["identifier"], body["secret"]))
            case "/v2/users/login":
                status, tokens = self.hub.log_in(body["username"], body["password"])
                self.answer(status, {"token": tokens["access_token"]} if status == 200 else tokens)
            case _:
                self.answer(404, {"message": "object not found"})

    def do_GET(self) -> None:
        """List tags."""
        parts = urlsplit(self.path)
        found = TAGS.fullmatch(parts.path.rstrip("/"))
        if not self.knows_us():
            return
        if found is None:
            self.answer(404, {"message": "object not found"})
            return
        name = f"{found[1]}/{found[2]}" if found[1] else found[2]
        # The proxy before it, if any, is in the addresses that it gives.
        url = f"http://{self.headers['Host']}{parts.path}"
        self.answer(*self.hub.page(name, url, parse_qs(parts.query)))

    def do_DELETE(self) -> None:
        """Delete a tag."""
        found = TAG.fullmatch(self.path)
        if self.knows_us():
            self.answer(*(self.hub.delete(found[1], found[2]) if found else (404, {})))

    def knows_us(self) -> bool:
        """Whether the token is good; if not, that is the answer."""
        good = self.hub.accepts(self.headers.get("Authorization", ""))
        if not good:
            self.answer(401, {"message": "unauthorized", "detail": "token is expired"})
        return good

    def answer(self, status: int, body: Any) -> None:
        """Answer in JSON."""
        content = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
