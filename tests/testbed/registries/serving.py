"""HTTP servers of tests, in a thread, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# How a thread gets to the network that a server is to be in; nullcontext for this machine's.
Network = Callable[[], AbstractContextManager[None]]


class Server(ThreadingHTTPServer):
    """Cut connections are part of the tests, and no news."""

    daemon_threads = True

    def handle_error(self, _request: object, _address: object) -> None:
        """Say nothing."""


@contextmanager
def served(
    handler: type[BaseHTTPRequestHandler],
    network: Network,
    address: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[str]:
    """Serve, and say the host:port. Threads stay in the network in which they were started."""
    with network():
        server = Server(address, handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
