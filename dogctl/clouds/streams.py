"""Streams to and from a pod, over websockets of the cluster's API: commands, and ports.

Each message begins with the number of the stream that it is of. For commands:
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
and for ports:
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import PODS, Kubernetes
from dogctl.clouds.kubernetes_errors import UNREACHABLE
from dogctl.errors import DogctlError

if TYPE_CHECKING:
    from httpx2.websockets import WebSocketSession

STDIN, STDOUT, STDERR, STATUS, RESIZE = range(5)
DATA, PROBLEM = range(2)
# The fifth version can end the input.
ENDS_INPUT = "v5.channel.k8s.io"
COMMANDS = (ENDS_INPUT, "v4.channel.k8s.io")
PORTS = ("v4.channel.k8s.io",)
END = 255
CHUNK = 32 * 1024


class EndedError(Exception):
    """The other side has ended the stream."""


class Stream:
    """Several streams in one connection; one thread may write while another reads."""

    def __init__(self, session: WebSocketSession, server: str) -> None:
        self._session = session
        self._server = server

    @property
    def ends_input(self) -> bool:
        """Whether it can tell a command that there is no more input."""
        return self._session.subprotocol == ENDS_INPUT

    def send(self, number: int, data: bytes) -> None:
        """Raises EndedError."""
        from httpx2.websockets import HTTPXWSException
        from wsproto.utilities import LocalProtocolError

        try:
            for start in range(0, len(data), CHUNK):
                self._session.send_bytes(bytes([number]) + data[start : start + CHUNK])
        except (HTTPXWSException, LocalProtocolError):
            raise EndedError from None

    def end_input(self) -> None:
        """Tell the command that there is no more. Raises EndedError."""
        self.send(END, bytes([STDIN]))

    def receive(self, timeout: float | None = None) -> tuple[int, bytes]:
        """The next piece, and which stream it is of.

        Raises EndedError, DogctlError if the connection broke, TimeoutError after some seconds.
        """
        from httpx2.websockets import WebSocketDisconnect, WebSocketNetworkError

        try:
            message = self._session.receive_bytes(timeout)
        except WebSocketDisconnect:
            raise EndedError from None
        except WebSocketNetworkError:
            raise DogctlError(
                "the connection to the cluster broke",
                code=UNREACHABLE,
                where=self._server,
                hint="run the command again",
            ) from None
        return message[0], message[1:]


@contextmanager
def command(
    kubernetes: Kubernetes,
    namespace: str,
    pod: str,
    container: str,
    words: Sequence[str],
    *,
    stdin: bool,
    terminal: bool,
) -> Iterator[Stream]:
    """Run a command in a container. A terminal has no stderr of its own. Raises DogctlError."""
    wanted = {"stdin": stdin, "stdout": True, "stderr": not terminal, "tty": terminal}
    params: dict[str, str | Sequence[str]] = {"container": container, "command": words}
    params |= {name: "true" for name, value in wanted.items() if value}
    path = f"{PODS.path(namespace, pod)}/exec"
    with kubernetes.websocket(path, params, COMMANDS) as session, _closed(session):
        yield Stream(session, kubernetes.server)


@contextmanager
def port(kubernetes: Kubernetes, namespace: str, pod: str, number: int) -> Iterator[Stream]:
    """One connection to a port of a pod. Raises DogctlError."""
    path = f"{PODS.path(namespace, pod)}/portforward"
    with kubernetes.websocket(path, {"ports": str(number)}, PORTS) as session, _closed(session):
        stream = Stream(session, kubernetes.server)
        for _ in (DATA, PROBLEM):
            stream.receive()  # each stream begins with the number of the port
        yield stream


@contextmanager
def _closed(session: WebSocketSession) -> Iterator[None]:
    """At the end, wake the thread that reads: it would wait for the other side, dead or alive."""
    try:
        yield
    finally:
        with suppress(OSError):
            session.stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def exit_code(status: bytes) -> int:
    """How a command ended, as the cluster says at its end.

    Raises DogctlError if it could not be run, or nobody knows how it ended.
    """
    said = json.loads(status)
    if said.get("status") == "Success":
        return 0
    if said.get("reason") == "NonZeroExitCode":
        causes = (said.get("details") or {}).get("causes") or ()
        codes = [each["message"] for each in causes if each.get("reason") == "ExitCode"]
        if codes:
            return int(codes[0])
    reason = str(said.get("message") or "nobody says why").rpartition("exec failed: ")[2]
    raise DogctlError(
        f"the command could not be run: {reason}",
        code="exec-failed",
        hint="name a program that is in the image; without any it is a shell",
    )
