"""A port of this machine that leads to a pod of the app, for as long as it is wanted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Self

from dogctl.clouds import streams
from dogctl.clouds.streams import DATA, PROBLEM, EndedError, Stream
from dogctl.errors import DogctlError
from dogctl.lifecycle.app_pods import AppPods
from dogctl.lifecycle.health import HOST

CHUNK = 32 * 1024
POLL = 0.5
PATIENCE = 30.0
# A client that has said all it has to say may still wait for the answer.
SECONDS_AFTER_END = 30.0


@dataclass
class Forward:
    """Listens on a free port of 127.0.0.1; every connection goes to a pod that is ready then.

    Args:
        note: hears why a connection failed.
    """

    apps: AppPods
    note: Callable[[str], None]
    _server: socket.socket = field(init=False, repr=False)
    _port: int = field(init=False)

    def __enter__(self) -> Self:
        """Raises DogctlError if there is no pod to lead to."""
        self._port = self.apps.port(self.apps.one())
        self._server = socket.create_server((HOST, 0))
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self._server.getsockname()[1]}"

    def serve(self) -> None:
        """Until the process is told to stop."""
        while True:
            client, _ = self._server.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, ExitStack() as stack, suppress(OSError, EndedError):
            try:
                self._pass(client, self._connect(stack))
            except DogctlError as error:
                self.note(error.message)

    def _connect(self, stack: ExitStack) -> Stream:
        """To a pod that is ready; while there is none, another may come."""
        deadline = monotonic() + PATIENCE
        cluster, gone = self.apps.cluster, ""
        while True:
            try:
                gone = self.apps.one(not_these=[gone])["metadata"]["name"]
                opened = streams.port(cluster.kubernetes, cluster.namespace, gone, self._port)
                return stack.enter_context(opened)
            except DogctlError:
                if monotonic() > deadline:
                    raise
                sleep(POLL)

    def _pass(self, client: socket.socket, stream: Stream) -> None:
        ended = threading.Event()
        sender = threading.Thread(target=_send, args=(client, stream, ended), daemon=True)
        sender.start()
        while True:
            try:
                number, data = stream.receive(SECONDS_AFTER_END)
            except EndedError:
                break
            except TimeoutError:
                if ended.is_set():
                    break
                continue
            if number == DATA:
                client.sendall(data)
            elif number == PROBLEM and data:
                self.note(" ".join(data.decode(errors="replace").split()))
                break
        # The thread that reads from the client is woken by this, and ends.
        client.shutdown(socket.SHUT_RDWR)
        sender.join()


def _send(client: socket.socket, stream: Stream, ended: threading.Event) -> None:
    with suppress(OSError, EndedError):
        while data := client.recv(CHUNK):
            stream.send(DATA, data)
    ended.set()
