"""Docker Hub's own API, with the answers of its documentation and its known quirks.

https://docs.docker.com/reference/api/hub/latest/
Rate limits, server errors and dropped connections come from a FaultyProxy before it.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Iterator, MutableMapping
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
from tests.testbed.registries.stored import Stored

TAGS = re.compile(r"/v2/(?:namespaces/([^/]+)/)?repositories/([^/]+(?:/[^/]+)?)/tags")
TAG = re.compile(r"/v2/repositories/([^/]+/[^/]+)/tags/([^/]+)/?")
IN_REPOSITORY = re.compile(
    r"/v2/namespaces/([^/]+)/repositories/([^/]+)(?:/(tags|manifests)(?:/(.+))?)?"
)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
Answer = tuple[int, Any]
MISSING = (404, {"message": "object not found", "errinfo": {}})


@dataclass
class Repository:
    """The tags of a repository, and how it misbehaves.

    `tags`: digest by name, oldest first; those of a registry, if they are `Stored`. `forbidden`
    tags cannot be deleted; deleting `phantom` ones is answered well and does nothing. `uncounted`:
    how far the count lags behind. `rules` are those of immutable tags, if there are any.
    `silent`: whether it says nothing of manifests.
    """

    tags: MutableMapping[str, str] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    phantom: set[str] = field(default_factory=set)
    uncounted: int = 0
    rules: list[str] | None = None
    silent: bool = False

    def pushed(self, index: int, name: str) -> datetime:
        """When a tag was; without a registry each came an hour after the one before."""
        if isinstance(self.tags, Stored):
            return self.tags.time(name)
        return BEGAN + timedelta(hours=index)


class Hub:
    """What Docker Hub knows; tests change it at will.

    `requests_per_token`: after so many requests a token has expired. `listed`: how many tags it
    lists at most. `limit`: so many requests it answers in each `window` of seconds. `handler`
    handles connections that come in another way than to its `url`.
    """

    def __init__(self) -> None:
        self.url = ""
        self.repositories: dict[str, Repository] = {}
        self.requests_per_token = 1000
        self.listed = 1000
        self.logins = 0
        self.limit: int | None = None
        self.window = 60.0
        self.refused = 0
        self.handler: type[BaseHTTPRequestHandler] = Answering
        self._spent: tuple[int, int] = (0, 0)
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

    def spend(self) -> tuple[bool, dict[str, str]]:
        """Whether one more request is within the limit, and the headers that tell of it."""
        if self.limit is None:
            return True, {}
        with self._lock:
            now = int(time.time() // self.window)
            window, used = self._spent
            used = used + 1 if window == now else 1
            self._spent = now, used
            self.refused += used > self.limit
            reset = str(int((now + 1) * self.window) + 1)
            headers = {
                "X-RateLimit-Limit": str(self.limit),
                "X-RateLimit-Remaining": str(max(self.limit - used, 0)),
                "X-RateLimit-Reset": reset,
            }
            return used <= self.limit, headers

    def page(self, name: str, url: str, query: dict[str, list[str]]) -> Answer:
        """A page of tags, newest first."""
        found = self.repositories.get(name)
        if found is None:
            return MISSING
        size = min(int(query.get("page_size", ["10"])[0]), 100)
        number = int(query.get("page", ["1"])[0])
        entries = entries_of(found)[: self.listed]
        more = number * size < len(entries)
        return 200, {
            "count": len(found.tags) - found.uncounted,
            "next": f"{url}?page={number + 1}&page_size={size}" if more else None,
            "previous": f"{url}?page={number - 1}&page_size={size}" if number > 1 else None,
            "results": entries[(number - 1) * size : number * size],
        }

    def tag(self, name: str, tag: str) -> Answer:
        """One tag, listed or not."""
        found = self.repositories.get(name)
        entries = entries_of(found) if found else []
        return next(((200, each) for each in entries if each["name"] == tag), MISSING)

    def repository(self, name: str) -> Answer:
        """The repository itself."""
        found = self.repositories.get(name)
        if found is None:
            return MISSING
        settings = {"enabled": found.rules is not None, "rules": found.rules or [".*"]}
        namespace, _, own = name.partition("/")
        return 200, {"namespace": namespace, "name": own, "immutable_tags_settings": settings}

    def manifests(self, name: str, query: dict[str, list[str]]) -> Answer:
        """A page of manifests; the children of indexes have no tags, whatever the index has."""
        found = self.repositories.get(name)
        if found is None or found.silent or not isinstance(found.tags, Stored):
            return MISSING
        after = query.get("last_evaluated_key", [""])[0]
        size = min(int(query.get("page_size", ["10"])[0]), 100)
        bodies = found.tags.manifests()
        digests = [each for each in bodies if each > after]
        entries = [
            {
                "manifest_digest": each,
                "media_type": bodies[each]["mediaType"],
                "tags": found.tags.tags_of(each),
                "last_pushed": shown(found.tags.time(each)),
                "total_size": 1000,
            }
            for each in digests[:size]
        ]
        key = {"last_evaluated_key": digests[size - 1]} if len(digests) > size else {}
        return 200, {"manifests": entries, **key}

    def delete(self, name: str, tag: str) -> Answer:
        """Delete a tag."""
        found = self.repositories.get(name)
        if found is None or tag not in found.tags:
            return MISSING
        if tag in found.forbidden:
            return 403, {"detail": "access denied", "message": "access denied", "errinfo": {}}
        if any(re.search(rule, tag) for rule in found.rules or ()):
            return 403, {"detail": "", "message": "tag is immutable", "errinfo": {}}
        if tag not in found.phantom:
            del found.tags[tag]
        return 204, None


def entries_of(found: Repository) -> list[dict[str, Any]]:
    """Its tags as they are listed, newest first."""
    tags = enumerate(found.tags.items())
    return [entry(at, *tag, shown(found.pushed(at, tag[0]))) for at, tag in tags][::-1]


def shown(moment: datetime) -> str:
    """As it is written there."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def entry(index: int, name: str, digest: str, pushed: str) -> dict[str, Any]:
    """A tag as it is listed."""
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

    found.handler = Handler
    with served(Handler, network) as host:
        found.url = f"http://{host}"
        yield found


class Answering(BaseHTTPRequestHandler):
    """Answers requests to the API."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    limits: dict[str, str]

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
        """Tell of a repository, its tags and its manifests."""
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if not self.knows_us():
            return
        if found := TAGS.fullmatch(parts.path.rstrip("/")):
            name = f"{found[1]}/{found[2]}" if found[1] else found[2]
            # The proxy before it, if any, is in the addresses that it gives.
            scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
            url = f"{scheme}://{self.headers['Host']}{parts.path}"
            self.answer(*self.hub.page(name, url, query))
            return
        inside = IN_REPOSITORY.fullmatch(parts.path)
        match inside.groups() if inside else ():
            case (namespace, own, None, None):
                self.answer(*self.hub.repository(f"{namespace}/{own}"))
            case (namespace, own, "tags", tag):
                self.answer(*self.hub.tag(f"{namespace}/{own}", tag))
            case (namespace, own, "manifests", None):
                self.answer(*self.hub.manifests(f"{namespace}/{own}", query))
            case _:
                self.answer(*MISSING)

    def do_DELETE(self) -> None:
        """Delete a tag."""
        found = TAG.fullmatch(self.path)
        if self.knows_us():
            self.answer(*(self.hub.delete(found[1], found[2]) if found else (404, {})))

    def knows_us(self) -> bool:
        """Whether the token is good, and the limit not passed; if not, that is the answer."""
        within, self.limits = self.hub.spend()
        if not within:
            wait = max(int(self.limits["X-RateLimit-Reset"]) - int(time.time()), 1)
            self.answer(429, {"detail": "Rate limit exceeded", "error": False}, wait=str(wait))
            return False
        good = self.hub.accepts(self.headers.get("Authorization", ""))
        if not good:
            self.answer(401, {"message": "unauthorized", "detail": "token is expired"})
        return good

    def answer(self, status: int, body: Any, wait: str | None = None) -> None:
        """Answer in JSON."""
        content = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in getattr(self, "limits", {}).items():
            self.send_header(name, value)
        if wait:
            self.send_header("Retry-After", wait)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
