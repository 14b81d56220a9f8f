"""`dogctl exec`: a command in a pod of the app, with this terminal or with what is piped."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dogctl.answer import Answer
from dogctl.clouds import streams
from dogctl.clouds.streams import RESIZE, STDIN, EndedError, Stream, Write
from dogctl.errors import DogctlError
from dogctl.lifecycle.app_pods import AppPods, container_of
from dogctl.tools import terminal

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

# What there is in the image, bash if possible.
SHELL = ("/bin/sh", "-c", "command -v bash >/dev/null && exec bash; exec sh")


class Console(Protocol):
    """What dogctl was started on."""

    def stdin(self) -> int | None: ...
    def is_terminal(self) -> bool: ...
    def pass_on(self, data: bytes, *, to_stderr: bool = False) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where a command runs."""

    cluster: Cluster
    pod: str
    container: str


def place(apps: AppPods, pod: str | None, container: str | None) -> Place:
    """The pod and container that are asked for, or the main one of any that is ready.

    Raises DogctlError.
    """
    found = apps.one(pod)
    return Place(apps.cluster, found["metadata"]["name"], container_of(found, container))


def run(
    where: Place,
    words: Sequence[str],
    *,
    stdin: int | None,
    is_terminal: bool,
    write: Write,
    write_error: Write,
) -> int:
    """Run a command to its end; answers its exit code.

    Args:
        stdin: the descriptor that it reads from, if any.
        is_terminal: whether `stdin` is a terminal for the command to be on.
        write, write_error: take what it prints.

    Raises DogctlError if it could not be run, or the connection to it broke.
    """
    cluster = where.cluster
    with (
        streams.command(
            cluster.kubernetes,
            cluster.namespace,
            where.pod,
            where.container,
            words,
            stdin=stdin is not None,
            terminal=is_terminal,
        ) as stream,
        ExitStack() as stack,
    ):
        if stdin is not None:
            _feed(stream, stdin, is_terminal, stack)
        status = streams.listen(stream, write, write_error)
    if status is None:
        raise DogctlError(
            "the connection ended before the command did",
            code="exec-ended",
            where=f"{cluster.namespace}/{where.pod}",
            hint="dogctl status shows what became of the pod",
        )
    return streams.exit_code(status)


def connect(where: Place, words: Sequence[str], console: Console) -> Answer:
    """Run a command as if it were here. Raises as `run` does."""
    code = run(
        where,
        words,
        stdin=console.stdin(),
        is_terminal=console.is_terminal(),
        write=console.pass_on,
        write_error=lambda data: console.pass_on(data, to_stderr=True),
    )
    return Answer({}, exit_code=code)


def collect(where: Place, words: Sequence[str], stdin: int | None) -> Answer:
    """Run a command, and answer all that it printed. Raises as `run` does."""
    out, err = bytearray(), bytearray()
    code = run(
        where, words, stdin=stdin, is_terminal=False, write=out.extend, write_error=err.extend
    )
    said = {"stdout": out.decode(errors="replace"), "stderr": err.decode(errors="replace")}
    place = {"pod": where.pod, "container": where.container, "command": list(words)}
    return Answer({**place, "exit_code": code, **said}, exit_code=code)


def _feed(stream: Stream, stdin: int, is_terminal: bool, stack: ExitStack) -> None:
    """Let the command have the input, in a thread that does not keep the process."""
    resized = None
    if is_terminal:
        resized = stack.enter_context(terminal.resizes())
        stack.enter_context(terminal.raw(stdin))
        _resize(stream, stdin)

    def feed() -> None:
        with suppress(EndedError, OSError, ValueError):
            terminal.pump(
                stdin,
                lambda data: stream.send(STDIN, data),
                resized,
                lambda: _resize(stream, stdin),
            )
            if not is_terminal:
                streams.end_input(stream)

    threading.Thread(target=feed, daemon=True).start()


def _resize(stream: Stream, descriptor: int) -> None:
    columns, rows = terminal.size(descriptor)
    stream.send(RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())
