"""Connections to a cluster for messages in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes_errors import refused
from dogctl.clouds.kubernetes_login import Session

if TYPE_CHECKING:
    from httpx2.websockets import WebSocketSession

LARGEST_MESSAGE = 1024 * 1024


@contextmanager
def opened(
    session: Session,
    path: str,
    params: Mapping[str, str | Sequence[str]],
    protocols: Sequence[str],
) -> Iterator[WebSocketSession]:
    """A websocket. Raises DogctlError if it is refused."""
    from httpx2.websockets import WebSocketUpgradeError

    connection = session.http.websocket(
        path,
        params=params,
        subprotocols=list(protocols),
        max_message_size_bytes=LARGEST_MESSAGE,
    )
    try:
        websocket = connection.__enter__()
    except WebSocketUpgradeError:
        # What it says cannot be read any more; a plain request is refused in the same words.
        raise refused(session.http.get(path, params=params)) from None
    try:
        yield websocket
    finally:
        connection.__exit__(None, None, None)
