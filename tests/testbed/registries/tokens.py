"""A token server for a registry, as the distribution specification has it.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import trustme

from tests.testbed.registries.serving import Network, served

ISSUER = "the tests' issuer"
SERVICE = "the tests' registry"
# The registry takes a token for so long after its end, in case that clocks differ.
LEEWAY_SECONDS = 60


class TokenServer:
    """Gives tokens to those who know a password; `lifetime` is how long they are accepted.

    `given` has the scopes of the tokens, in order. Names in `denied` get tokens for nothing.
    """

    def __init__(self, folder: Path, username: str, password: str) -> None:
        self.lifetime = 300.0
        self.given: list[str] = []
        self.denied: set[str] = set()
        self.url = ""
        self.refresh_token = "canary-refresh-token"
        self._login = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._username = username
        authority = trustme.CA()
        issued = authority.issue_cert("token.test")
        self._key = issued.private_key_pem.bytes()
        pem = issued.cert_chain_pems[0].bytes().decode()
        self._chain = [base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()]
        self._roots = folder / "roots.pem"
        authority.cert_pem.write_to_path(self._roots)

    @property
    def settings(self) -> dict[str, str]:
        """The registry's settings for it."""
        return {
            "realm": self.url,
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(self._roots),
        }

    def knows(self, authorization: str, form: dict[str, list[str]]) -> bool:
        """Whether somebody may have tokens."""
        return authorization == f"Basic {self._login}" or form.get("refresh_token") == [
            self.refresh_token
        ]

    def token(self, scope: str) -> str:
        """A token for `repository:NAME:pull,push`, or for nothing."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        allowed = name and name not in self.denied
        self.given.append(scope)
        now = time.time()
        claims = {
            "iss": ISSUER,
            "sub": self._username,
            "aud": SERVICE,
            "exp": int(now + self.lifetime - LEEWAY_SECONDS),
            "nbf": int(now) - 600,
            "iat": int(now) - 600,
            "jti": f"{now}",
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}]
            if allowed
            else [],
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"x5c": self._chain})


@contextmanager
def token_server(
    username: str, password: str, network: Network = nullcontext
) -> Iterator[TokenServer]:
    """A token server, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="dogctl-tokens-") as folder:
        tokens = TokenServer(Path(folder), username, password)

        class Handler(Answering):
            """One for this server."""

            server_ = tokens

        with served(Handler, network) as host:
            tokens.url = f"http://{host}/token"
            yield tokens


class Answering(BaseHTTPRequestHandler):
    """Answers requests for tokens."""

    server_: TokenServer

    def do_GET(self) -> None:
        """By password."""
        self.answer(parse_qs(urlsplit(self.path).query))

    def do_POST(self) -> None:
        """By refresh token."""
        length = int(self.headers["Content-Length"])
        self.answer(parse_qs(self.rfile.read(length).decode()))

    def answer(self, form: dict[str, list[str]]) -> None:
        """A token, or 401."""
        if self.server_.knows(self.headers.get("Authorization", ""), form):
            status, body = 200, {"token": self.server_.token(form.get("scope", [""])[0])}
        else:
            status, body = 401, {"details": "incorrect username or password"}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
