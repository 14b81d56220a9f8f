"""Connections to a cluster for messages in both directions."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes_errors import failed, refused
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
    except WebSocketUpgradeError as error:
        # What it says cannot be read any more; a plain request is refused in the same words.
        answer = session.http.get(path, params=params)
        status = error.response.status_code
        if answer.status_code == status:
            raise refused(answer) from None
        raise failed(f"no connection ({status})", session.config.cluster.server) from None
    try:
        yield websocket
    finally:
        _end_reading(websocket)
        connection.__exit__(None, None, None)


def _end_reading(websocket: WebSocketSession) -> None:
    """Have the websocket's own thread end before its connection is closed.

    It reads on for a moment otherwise, from whatever file or connection is opened next: that gets
    the number of the one that was closed.
    """
    websocket._should_close.set()
    if connection := websocket.stream.get_extra_info("socket"):
        with suppress(OSError):
            # Not that of TLS, which takes away what the thread is reading with.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
    if websocket._executor:
        websocket._executor.shutdown(wait=True)
