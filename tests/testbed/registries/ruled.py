"""Docker's registry as a cloud runs it: behind tokens, with rules of its own for some requests."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import count
from threading import RLock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.testbed.registries.faults import FaultyProxy, Passing
from tests.testbed.registries.registry import PASSWORD, USERNAME, RunningRegistry
from tests.testbed.registries.serving import Network, served
from tests.testbed.registries.stored import Stored

ACTIONS = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}
PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|tags|blobs|referrers)/(?P<last>.+)")
# Status, headers, body.
Answer = tuple[int, Mapping[str, str], bytes]


def error(status: int, code: str, message: str) -> Answer:
    """An error of the distribution specification."""
    body = {"errors": [{"code": code, "message": message}]}
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def in_json(status: int, body: Any) -> Answer:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


class Ruled(FaultyProxy):
    """Tokens by name and password for what they ask for, and faults as of any FaultyProxy.

    `uses`: after so many requests a token has expired. `repositories` are those that tests look
    at. `user` is who logs in. `refuses` is a status with which no image is ever deleted.
    """

    realm = ""

    def __init__(self, registry: RunningRegistry) -> None:
        super().__init__()
        self.uses = 1000
        self.given: list[str] = []
        self.user = USERNAME
        self.refuses: int | None = None
        self._registry = registry
        self._repositories: dict[str, Stored] = {}
        self._left: dict[str, int] = {}
        self._scopes: dict[str, str] = {}
        self._numbers = count(1)
        self._rules = RLock()

    def repository(self, name: str) -> Stored:
        """What is in a repository."""
        return self._repositories.setdefault(name, Stored(self._registry, name))

    def decide(self, method: str, path: str, headers: Mapping[str, str]) -> Answer | None:
        """The answer to a request; None leaves it to the registry. One at a time."""
        with self._rules:
            parts = urlsplit(path)
            if parts.path.endswith("/token"):
                return self._token(parse_qs(parts.query), headers.get("Authorization", ""))
            found = PATH.fullmatch(parts.path)
            wanted = f"repository:{found['name']}:{ACTIONS.get(method, 'push')}" if found else ""
            if not self._accepts(headers.get("Authorization", ""), wanted):
                return self._challenge(headers["Host"], wanted)
            if found is None:
                return None
            return self.rule(method, self.repository(found["name"]), found["kind"], found["last"])

    def rule(self, method: str, stored: Stored, kind: str, last: str) -> Answer | None:
        """The answer to a request with a good token."""
        del stored, last
        if method == "DELETE" and kind == "manifests" and self.refuses:
            plain = {"Content-Type": "text/plain"}
            unsupported = error(self.refuses, "UNSUPPORTED", "The operation is unsupported.")
            return (404, plain, b"404 page not found\n") if self.refuses == 404 else unsupported
        return None

    def _token(self, query: Mapping[str, list[str]], authorization: str) -> Answer:
        login = base64.b64encode(f"{self.user}:{PASSWORD}".encode()).decode()
        if authorization != f"Basic {login}":
            return in_json(401, {"details": "incorrect username or password"})
        token = f"canary-registry-token-{next(self._numbers)}"
        self._scopes[token] = query.get("scope", [""])[0]
        self._left[token] = self.uses
        self.given.append(self._scopes[token])
        return in_json(200, {"token": token, "access_token": token, "expires_in": 300})

    def _accepts(self, authorization: str, wanted: str) -> bool:
        token = authorization.removeprefix("Bearer ")
        self._left[token] = self._left.get(token, 0) - 1
        name, _, action = wanted.rpartition(":")
        had, _, actions = self._scopes.get(token, "").rpartition(":")
        return self._left[token] >= 0 and had == name and action in actions.split(",")

    def _challenge(self, host: str, wanted: str) -> Answer:
        realm = self.realm or f"http://{host}/token"
        scope = f',scope="{wanted}"' if wanted else ""
        asked = f'Bearer realm="{realm}",service="registry"{scope}'
        status, headers, body = error(401, "UNAUTHORIZED", "authentication required")
        return status, {**headers, "WWW-Authenticate": asked}, body


class Ruling(Passing):
    """Handles one connection."""

    rules: Ruled

    def pass_on(self, *, lost: bool) -> None:
        """What the rules leave to the registry goes there."""
        answer = self.rules.decide(self.command, self.path, dict(self.headers.items()))
        if answer is None:
            super().pass_on(lost=lost)
            return
        for _ in self.body():
            pass
        if lost:
            self.drop()
        else:
            self.answer(answer[0], answer[1].items(), answer[2])


@contextmanager
def ruled(
    rules: Ruled, registry: RunningRegistry, network: Network = nullcontext
) -> Iterator[None]:
    """Serve a registry under such rules, on loopback at `rules.host`."""

    class Handler(Ruling):
        """One for these rules."""

        faults = rules
        upstream = registry.host

    Handler.rules = rules
    rules.handler = Handler
    with served(Handler, network) as rules.host:
        yield
