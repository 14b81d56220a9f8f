"""Asking the app of a smoke test over HTTP."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from dogctl.errors import DogctlError
from dogctl.lifecycle.smoke_checks import (
    REQUEST_SECONDS,
    Finding,
    Get,
    NoAnswerError,
    Response,
    read_count,
    resumed,
)

if TYPE_CHECKING:
    from dogctl.config.checks import Check

CHUNK = 65_536
# No check needs more, and this machine has no memory for an answer without end.
LONGEST = 10_000_000


def count_now(check: Check, get: Get) -> float:
    """Read a number before a restart. Raises DogctlError if it cannot be read."""
    try:
        return read_count(check, get)
    except (ValueError, NoAnswerError) as error:
        raise DogctlError(f"{check}, before a restart: {error}", code="check-failed") from None


def after_restart(check: Check, get: Get, count: float) -> Finding:
    """Whether a number goes on from `count` after a restart."""
    began = monotonic()
    try:
        problem = resumed(check, get, count)
    except NoAnswerError as error:
        problem = str(error)
    return Finding(f"{check}, after a restart", monotonic() - began, problem)


def ask_at(url: str | None) -> Get:
    """Asks the app; a proxy has no business on 127.0.0.1."""
    session = requests.Session()
    session.trust_env = False

    def get(path: str) -> Response:
        deadline = monotonic() + REQUEST_SECONDS
        options: dict[str, Any] = {"timeout": REQUEST_SECONDS, "allow_redirects": False}
        try:
            with session.get(f"{url}{path}", stream=True, **options) as found:
                content = _read(found, deadline)
        except (requests.Timeout, ReadTimeoutError, TimeoutError):
            raise NoAnswerError(f"{path} gives no answer within {REQUEST_SECONDS:g} s") from None
        except (requests.RequestException, HTTPError):
            raise NoAnswerError(f"{path} gives no answer: the connection broke") from None
        except OverflowError:
            raise NoAnswerError(f"{path} answers with over {LONGEST // 1_000_000} MB") from None
        return Response(found.status_code, content.decode(errors="replace"))

    return get


def _read(answer: requests.Response, deadline: float) -> bytes:
    """The whole body. Raises TimeoutError if it has no end by then, OverflowError if it is long."""
    content = b""
    while chunk := answer.raw.read1(CHUNK, decode_content=True):
        content += chunk
        if len(content) > LONGEST:
            raise OverflowError
        if monotonic() > deadline:
            raise TimeoutError
    return content
