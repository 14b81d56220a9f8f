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
from dogctl.clouds.kubernetes_errors import FORBIDDEN, UNAUTHORIZED
from dogctl.clouds.streams import DATA, PROBLEM, EndedError, Stream
from dogctl.errors import DogctlError
from dogctl.lifecycle.app_pods import NONE_READY, AppPods
from dogctl.lifecycle.health import HOST

CHUNK = 32 * 1024
POLL = 0.5
PATIENCE = 30.0
# Asking again grants no right.
REFUSED = (FORBIDDEN, UNAUTHORIZED)
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
    _open: set[Stream] = field(init=False, repr=False, default_factory=set)

    def __enter__(self) -> Self:
        """Raises DogctlError if there is no pod to lead to."""
        self._port = self.apps.port(self.apps.one())
        self._server = socket.create_server((HOST, 0))
        return self

    def __exit__(self, *_: object) -> None:
        """End the connections that there are, which would keep the process."""
        self._server.close()
        for stream in list(self._open):
            stream.end()

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
                stream = self._connect(stack)
                self._open.add(stream)
                stack.callback(self._open.discard, stream)
                self._pass(client, stream)
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
            except DogctlError as error:
                if error.code in REFUSED or monotonic() > deadline:
                    raise
                # The only one there is may have another chance.
                gone = "" if error.code == NONE_READY else gone
                sleep(POLL)

    def _pass(self, client: socket.socket, stream: Stream) -> None:
        ended = threading.Event()
        sender = threading.Thread(target=_send, args=(client, stream, ended), daemon=True)
        sender.start()
        try:
            self._listen(client, stream, ended)
        finally:
            # The thread that reads from the client is woken by this, and ends.
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            stream.end()
            sender.join()

    def _listen(self, client: socket.socket, stream: Stream, ended: threading.Event) -> None:
        """Pass on what comes from the pod, until one side has ended."""
        while True:
            try:
                number, data = stream.receive(SECONDS_AFTER_END)
            except EndedError:
                return
            except TimeoutError:
                if ended.is_set():
                    return
                continue
            if number == DATA:
                client.sendall(data)
            elif number == PROBLEM and data:
                self.note(" ".join(data.decode(errors="replace").split()))
                return


def _send(client: socket.socket, stream: Stream, ended: threading.Event) -> None:
    with suppress(OSError, EndedError):
        while data := client.recv(CHUNK):
            stream.send(DATA, data)
    ended.set()
