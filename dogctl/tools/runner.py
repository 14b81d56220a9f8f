"""The only place that starts a process."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Protocol, cast

from dogctl.errors import Cancelled, ToolError

NOT_STARTED = "tool-not-started"
STOP_GRACE = 10.0
POLL = 0.1

Listener = Callable[[str], None]


@dataclass(frozen=True)
class Completed:
    """A process that has ended."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: str


class Detached(Protocol):
    """A process that outlives us, as long as we are here to look at it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Its exit code (negative: the signal that ended it), or None while it runs."""
        ...


class Runner(Protocol):
    """Starts processes; tests put a recording one in its place."""

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float | None = None,
        listen: Listener | None = None,
        stop: threading.Event | None = None,
        inherit: Sequence[int] = (),
    ) -> Completed:
        """Run to the end and capture what it prints; a non-zero exit does not raise.

        Args:
            timeout: in seconds.
            listen: hears every line as it comes, of stdout and of stderr, from other threads.
            stop: when it is set, the program is interrupted as by ^C, and killed if it goes on.
            inherit: open files that the program keeps open, such as a lock that it continues
                to hold should we be killed.

        Raises:
            ToolError: it cannot be started, or takes longer than `timeout`.
            Cancelled: `stop` was set, and the program has ended.
        """
        ...

    def detach(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        record: Callable[[int], None],
    ) -> Detached:
        """Start a process in a session of its own that outlives us.

        The process begins only after `record(pid)` has returned: if we are killed before that,
        it ends at once and nothing runs that nobody knows of.
        """
        ...


class ProcessRunner:
    """Runs real processes."""

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float | None = None,
        listen: Listener | None = None,
        stop: threading.Event | None = None,
        inherit: Sequence[int] = (),
    ) -> Completed:
        process: subprocess.Popen[bytes] | None = None
        try:
            with _held_back_signals():
                process = _start(argv, cwd, env, inherit)
            output = _Output(process, stdin, listen)
            _wait(process, output, timeout, stop)
        except BaseException:
            if process:
                _kill(process)
            raise
        stdout, stderr = output.read()
        return Completed(tuple(argv), process.returncode, stdout, stderr.decode(errors="replace"))

    def detach(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        record: Callable[[int], None],
    ) -> Detached:
        # The shell waits for a line on stdin, which comes once the PID is recorded; at the end
        # of the file (we died) it gives up. exec keeps the PID.
        gate = 'read -r _ && exec "$@" </dev/null'
        with open(log, "ab", opener=_private) as output:
            try:
                process = subprocess.Popen(
                    ["/bin/sh", "-c", gate, "sh", *argv],
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                raise _not_started(argv, error) from error
        # A process that ended at once has closed its end; its exit code tells why.
        with suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as stdin:
            record(process.pid)
            stdin.write(b"go\n")
        return process


class _Output:
    """Feeds a program and collects what it prints, in threads, so that no pipe is ever full."""

    def __init__(
        self, process: subprocess.Popen[bytes], stdin: bytes, listen: Listener | None
    ) -> None:
        self._texts: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self._threads = [
            threading.Thread(target=self._read, args=(process, name, listen), daemon=True)
            for name in self._texts
        ]
        self._threads.append(
            threading.Thread(target=self._write, args=(process, stdin), daemon=True)
        )
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether the program has closed its ends of the pipes, after some seconds at most."""
        for thread in self._threads:
            thread.join(seconds)
            if thread.is_alive():
                return False
        return True

    def read(self) -> tuple[bytes, bytes]:
        return b"".join(self._texts["stdout"]), b"".join(self._texts["stderr"])

    def _read(self, process: subprocess.Popen[bytes], name: str, listen: Listener | None) -> None:
        with cast(IO[bytes], getattr(process, name)) as pipe:
            for line in pipe:
                self._texts[name].append(line)
                if listen:
                    listen(line.decode(errors="replace").rstrip("\r\n"))

    def _write(self, process: subprocess.Popen[bytes], stdin: bytes) -> None:
        with suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as pipe:
            pipe.write(stdin)


def _start(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    inherit: Sequence[int],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # ^C is ours to pass on, and a program that wants a terminal is told there is none.
            start_new_session=True,
            pass_fds=inherit,
        )
    except OSError as error:
        raise _not_started(argv, error) from error


def _wait(
    process: subprocess.Popen[bytes],
    output: _Output,
    timeout: float | None,
    stop: threading.Event | None,
) -> None:
    """Until the program has ended. Raises ToolError and Cancelled as Runner.run does."""
    deadline = monotonic() + timeout if timeout else float("inf")
    while not output.wait(POLL):
        if stop and stop.is_set():
            process.send_signal(signal.SIGINT)
            output.wait(STOP_GRACE)
            raise Cancelled
        if monotonic() > deadline:
            name = cast(Sequence[str], process.args)[0]
            raise ToolError(
                f"{name} did not end within {timeout:g} s", code="tool-timeout", where=name
            )
    process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _held_back_signals() -> Iterator[None]:
    """^C between the start of a program and our knowing of it would leave it behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are handled by the main thread only
        return
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda received, _: came.append(received))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for received in came:
        signal.raise_signal(received)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


LOCAL: Runner = ProcessRunner()


def _not_started(argv: Sequence[str], error: OSError) -> ToolError:
    return ToolError(
        f"cannot start {argv[0]}: {os.strerror(error.errno or 0)}",
        code=NOT_STARTED,
        where=argv[0],
    )
