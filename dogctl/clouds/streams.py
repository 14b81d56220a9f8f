"""Streams to and from a pod, over websockets of the cluster's API: commands, and ports.

For commands:
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
and for ports:
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from dogctl.clouds.kubernetes import PODS, Kubernetes
from dogctl.clouds.kubernetes_errors import lost
from dogctl.clouds.kubernetes_websocket import CHUNK, EndedError, Stream
from dogctl.errors import DogctlError

__all__ = ["EndedError", "Stream"]

STDIN, STDOUT, STDERR, STATUS, RESIZE = range(5)
DATA, PROBLEM = range(2)
# The fifth version can end the input.
ENDS_INPUT = "v5.channel.k8s.io"
COMMANDS = (ENDS_INPUT, "v4.channel.k8s.io")
PORTS = ("v4.channel.k8s.io",)
END = 255
# How often whoever waits for a command may change their mind, in seconds.
LOOK = 0.5
# How long the first words about a port may take.
PORT_SECONDS = 15.0
EXEC_FAILED = "exec-failed"

Write = Callable[[bytes], object]


@dataclass(frozen=True)
class Ran:
    """A command that ended in a container."""

    code: int
    stdout: bytes
    stderr: bytes


def run(
    kubernetes: Kubernetes,
    namespace: str,
    pod: str,
    container: str,
    words: Sequence[str],
    *,
    stdin: bytes | BinaryIO | None = None,
    stdout: BinaryIO | None = None,
    check: Callable[[], None] = lambda: None,
) -> Ran:
    """Run a command in a container to its end; a non-zero exit does not raise.

    Args:
        stdin: what it reads, to the end; nothing without it.
        stdout: where what it prints goes, which is then not in the answer.
        check: called again and again; raises to end the wait.

    Raises DogctlError, also if nobody knows how it ended, and what `stdin` and `stdout` raise.
    """
    said, complaints = io.BytesIO(), io.BytesIO()
    source = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
    with command(
        kubernetes, namespace, pod, container, words, stdin=source is not None, terminal=False
    ) as stream:
        feeder = _Feeder(stream, source)
        try:
            status = listen(stream, (stdout or said).write, complaints.write, check)
        finally:
            feeder.end()
    if status is None:
        raise lost("", kubernetes.server)
    return Ran(exit_code(status), said.getvalue(), complaints.getvalue())


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
    params: dict[str, str | Sequence[str]] = {"container": container, "command": list(words)}
    params |= {name: "true" for name, value in wanted.items() if value}
    with kubernetes.stream(f"{PODS.path(namespace, pod)}/exec", params, COMMANDS) as stream:
        if stdin and not terminal and stream.protocol != ENDS_INPUT:
            raise DogctlError(
                "this cluster cannot tell a command where its input ends",
                code="cluster-too-old",
                where=kubernetes.server,
                hint="Kubernetes 1.30 can; dogctl exec ... </dev/null needs no input",
            )
        yield stream


@contextmanager
def port(kubernetes: Kubernetes, namespace: str, pod: str, number: int) -> Iterator[Stream]:
    """One connection to a port of a pod. Raises DogctlError, EndedError."""
    path = f"{PODS.path(namespace, pod)}/portforward"
    with kubernetes.stream(path, {"ports": str(number)}, PORTS) as stream:
        try:
            for _ in (DATA, PROBLEM):
                stream.receive(PORT_SECONDS)  # each stream begins with the number of the port
        except TimeoutError:
            raise lost("nothing comes from the pod", kubernetes.server) from None
        yield stream


def listen(
    stream: Stream, write: Write, write_error: Write, check: Callable[[], None] = lambda: None
) -> bytes | None:
    """Pass on what a command prints; how it ended, in the cluster's words, if it says so.

    Args:
        check: called again and again; raises to end the wait.
    """
    while True:
        check()
        try:
            number, data = stream.receive(LOOK)
        except TimeoutError:
            continue
        except EndedError:
            return None
        if number == STATUS:
            return data
        (write_error if number == STDERR else write)(data)


def end_input(stream: Stream) -> None:
    """Tell a command that there is no more. Raises EndedError."""
    stream.send(END, bytes([STDIN]))


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
        code=EXEC_FAILED,
        hint="name a program that is in the image; without any it is a shell",
    )


class _Feeder:
    """Gives a command its input, while somebody else listens: or both would wait for the other."""

    def __init__(self, stream: Stream, source: BinaryIO | None) -> None:
        self._stream = stream
        self._source = source
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Nothing is read from the source any more. Raises what reading it raised."""
        self._stream.end()
        self._thread.join()
        if self._error:
            raise self._error

    def _feed(self) -> None:
        if self._source is None:
            return
        try:
            while piece := self._source.read(CHUNK):
                self._stream.send(STDIN, piece)
            end_input(self._stream)
        except EndedError:
            pass  # the command has read enough
        except BaseException as error:  # noqa: BLE001  (raised by `end`)
            self._error = error
            self._stream.end()  # it would wait for more
