"""Connections to a cluster for several streams in both directions.

Each message begins with the number of the stream that it is of.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes_errors import failed, lost, refused
from dogctl.clouds.kubernetes_login import Session
from dogctl.errors import DogctlError

if TYPE_CHECKING:
    from httpx2.websockets import WebSocketSession

# The server takes no large message; what it sends is at most so large.
CHUNK = 32 * 1024
LARGEST_MESSAGE = 1024 * 1024
# A reader looks so often whether the writer has found the connection gone.
LOOK = 0.2
# What has come until the end is thrown away, and this is the longest that it takes.
END_SECONDS = 2.0


class EndedError(Exception):
    """The other side has ended the stream, or we have."""


class Stream:
    """Several streams in one connection; one thread may write while another reads."""

    def __init__(self, session: WebSocketSession, server: str) -> None:
        self._session = session
        self._server = server
        self._over = False

    @property
    def protocol(self) -> str | None:
        """Which of the protocols that were offered the server has taken."""
        return self._session.subprotocol

    def send(self, number: int, data: bytes) -> None:
        """Raises EndedError."""
        from httpx2.websockets import HTTPXWSException
        from wsproto.utilities import LocalProtocolError

        try:
            for start in range(0, len(data), CHUNK):
                self._session.send_bytes(bytes([number]) + data[start : start + CHUNK])
        except (HTTPXWSException, LocalProtocolError):
            self._over = True
            raise EndedError from None

    def receive(self, timeout: float | None = None) -> tuple[int, bytes]:
        """The next piece, and which stream it is of.

        Raises EndedError, DogctlError if the connection broke, TimeoutError after some seconds.
        """
        from httpx2.websockets import HTTPXWSException, WebSocketDisconnect

        deadline = monotonic() + timeout if timeout is not None else None
        while True:
            over = self._over
            left = LOOK if deadline is None else min(LOOK, max(deadline - monotonic(), 0))
            try:
                message = self._session.receive_bytes(left)
                return message[0], message[1:]
            except TimeoutError:
                if over:  # nothing more has come since
                    raise lost("", self._server) from None
                if deadline is not None and monotonic() >= deadline:
                    raise
            except WebSocketDisconnect:
                self._over = True
                raise EndedError from None
            except (HTTPXWSException, IndexError) as error:
                self._over = True
                raise lost(str(error), self._server) from None

    def end(self) -> None:
        """End it for both sides; who reads or writes is told so at once."""
        if connection := self._session.stream.get_extra_info("socket"):
            with suppress(OSError):
                # Not that of TLS, which takes away what another thread is reading with.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """End it, and wait until nobody reads from its connection any more.

        A file or connection that is opened next gets the number of this one.
        """
        self.end()
        deadline = monotonic() + END_SECONDS
        while not self._over and monotonic() < deadline:
            with suppress(EndedError, TimeoutError, DogctlError):
                self.receive(LOOK)


@contextmanager
def opened(
    session: Session,
    path: str,
    params: Mapping[str, str | Sequence[str]],
    protocols: Sequence[str],
) -> Iterator[Stream]:
    """Raises DogctlError if it is refused."""
    from httpx2.websockets import WebSocketUpgradeError

    server = session.config.cluster.server
    connection = session.http.websocket(
        path,
        params=params,
        subprotocols=list(protocols),
        max_message_size_bytes=LARGEST_MESSAGE,
    )
    try:
        stream = Stream(connection.__enter__(), server)
    except WebSocketUpgradeError as error:
        # What it says cannot be read any more; a plain request is refused in the same words.
        answer = session.http.get(path, params=params)
        status = error.response.status_code
        if answer.status_code == status:
            raise refused(answer) from None
        raise failed(f"no connection ({status})", server) from None
    try:
        yield stream
    finally:
        stream.close()
        connection.__exit__(None, None, None)
