"""Commands in containers.

https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from dogctl.clouds.kubernetes_errors import failed, lost
from dogctl.clouds.kubernetes_login import Session
from dogctl.clouds.kubernetes_websocket import opened
from dogctl.errors import DogctlError

if TYPE_CHECKING:
    from httpx2.websockets import WebSocketSession

# The server takes no large message.
PIECE = 128 * 1024


@dataclass(frozen=True)
class Ran:
    """A command that ended in a container."""

    code: int
    stdout: bytes
    stderr: bytes


def run(
    session: Session,
    path: str,
    container: str,
    command: Sequence[str],
    stdin: bytes | BinaryIO | None,
    stdout: BinaryIO | None,
) -> Ran:
    """As Kubernetes.run has it, in the pod whose commands are at this path."""
    from httpx2.websockets import HTTPXWSException
    from wsproto.utilities import LocalProtocolError

    from dogctl.clouds.streams import ENDS_INPUT, STATUS, STDERR, STDOUT

    server = session.config.cluster.server
    params: dict[str, str | Sequence[str]] = {"container": container, "command": list(command)}
    params |= dict.fromkeys(("stdin", "stdout", "stderr"), "true")
    said, complaints = stdout or io.BytesIO(), io.BytesIO()
    streams = {STDOUT: said, STDERR: complaints}
    with opened(session, path, params, (ENDS_INPUT,)) as websocket:
        try:
            for message in _input(stdin):
                websocket.send_bytes(message)
            for number, piece in _output(websocket):
                if number == STATUS:
                    code = _code(piece, server)
                    break
                streams[number].write(piece)
        except (HTTPXWSException, LocalProtocolError) as error:
            raise lost(str(error), server) from error
    return Ran(code, b"" if stdout else said.getvalue(), complaints.getvalue())  # type: ignore[attr-defined]


def _input(stdin: bytes | BinaryIO | None) -> Iterator[bytes]:
    """What the command reads, and that there is no more of it, or it would wait."""
    from dogctl.clouds.streams import END, STDIN

    given = io.BytesIO(stdin or b"") if isinstance(stdin, bytes | None) else stdin
    while piece := given.read(PIECE):
        yield bytes([STDIN]) + piece
    yield bytes([END, STDIN])


def _code(status: bytes, server: str) -> int:
    """How it ended. Raises DogctlError if it did not even begin."""
    from dogctl.clouds.streams import exit_code

    try:
        return exit_code(status)
    except DogctlError as error:
        raise failed(error.message, server) from None


def _output(websocket: WebSocketSession) -> Iterator[tuple[int, bytes]]:
    """The pieces, with the number of the stream that each is of."""
    while True:
        message = websocket.receive_bytes()
        yield message[0], message[1:]
