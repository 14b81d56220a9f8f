"""Asking the app of a smoke test over HTTP."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import requests

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
        try:
            found = session.get(f"{url}{path}", timeout=REQUEST_SECONDS, allow_redirects=False)
        except requests.Timeout:
            raise NoAnswerError(f"{path} gives no answer within {REQUEST_SECONDS:g} s") from None
        except requests.RequestException:
            raise NoAnswerError(f"{path} gives no answer: the connection broke") from None
        return Response(found.status_code, found.content.decode(errors="replace"))

    return get
