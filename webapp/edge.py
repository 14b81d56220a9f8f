"""The outermost layer of the app: request id, faults, security headers, metrics and the log line.

It is plain WSGI around Flask because every request pays for it.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from webapp.faults import EXEMPT_ROUTES, Faults
from webapp.logs import Log, quote
from webapp.metrics import Metrics

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

ROUTE = "webapp.route"
REQUEST_ID = "webapp.request_id"
UNMATCHED = "(unmatched)"
SECURITY_HEADERS: Headers = [
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; img-src 'self' data:; style-src 'self'; form-action 'self';"
            " base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), interest-cohort=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
_valid_id = re.compile(r"[0-9A-Za-z._:-]{1,128}").fullmatch
LOGGED_PATH_LENGTH = 512


class Edge:
    """Wraps a WSGI app. Every body is sent in one piece, which all answers here are small for."""

    def __init__(self, app: WsgiApp, metrics: Metrics, log: Log) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """Answer one request."""
        began = time.perf_counter()
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        if not _valid_id(request_id):
            request_id = f"{random.getrandbits(128):032x}"  # a name, not a secret
        environ[REQUEST_ID] = request_id
        status = ""

        def start(line: str, headers: Headers, _exc_info: object = None) -> None:
            nonlocal status
            status = line
            headers += SECURITY_HEADERS
            headers.append(("X-Request-ID", request_id))
            start_response(line, headers)

        chunks = self._app(environ, start)
        body = b"".join(chunks)
        if close := getattr(chunks, "close", None):
            close()
        self._record(environ, request_id, int(status[:3]), len(body), time.perf_counter() - began)
        return [body]

    def _record(
        self, environ: Environ, request_id: str, code: int, size: int, seconds: float
    ) -> None:
        route = environ.get(ROUTE, UNMATCHED)
        method = environ["REQUEST_METHOD"]
        self._metrics.observe(route, method, code, seconds)
        # By hand, because it is on every request's way.
        self._log.line(
            f'"level":"info","event":"request","method":{quote(method[:16])},'
            f'"path":{quote(_text(environ.get("PATH_INFO", ""))[:LOGGED_PATH_LENGTH])},'
            f'"route":{quote(route)},"status":{code},"duration_ms":{seconds * 1000:.2f},'
            f'"bytes":{size},"remote":{quote(environ.get("REMOTE_ADDR", ""))},'
            f'"request_id":{quote(request_id)}}}'
        )


def _text(raw: str) -> str:
    # WSGI hands over bytes in the guise of Latin-1: https://peps.python.org/pep-3333/
    if raw.isascii():
        return raw
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")


def misbehave(faults: Faults, route: str) -> bool:
    """Wait as `slow` says; whether the request is to fail as `error` says."""
    if route in EXEMPT_ROUTES:
        return False
    if faults.slow:
        time.sleep(faults.slow)
    return random.random() < faults.error  # noqa: S311
