"""A TCP proxy before a database that cuts the connection around a COMMIT."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

MARK = b"COMMIT"


class CommitCutter:
    """Forwards connections to a port; armed, it cuts the next one that commits.

    `cut`: "after" lets the database commit and drops its acknowledgement, "before" drops the COMMIT.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._armed = ""
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, cut: str) -> None:
        """Cut the next commit."""
        self._armed = cut

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                silenced = threading.Event()
                for work in (self._to_server, self._to_client):
                    arguments = (client, server, silenced)
                    threading.Thread(target=work, args=arguments, daemon=True).start()

    def _to_server(
        self, client: socket.socket, server: socket.socket, silenced: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._armed and MARK in data:
                    cut, self._armed = self._armed, ""
                    self.cuts += 1
                    silenced.set()
                    if cut == "before":
                        break
                server.sendall(data)
        if not silenced.is_set():
            _close(server)
        elif cut == "before":
            _close(client)
            _close(server)

    def _to_client(
        self, client: socket.socket, server: socket.socket, silenced: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if silenced.is_set():
                    break
                client.sendall(data)
        _close(client)
        _close(server)


def _close(link: socket.socket) -> None:
    with suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
