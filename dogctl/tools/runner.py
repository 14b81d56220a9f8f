"""The only place that starts a process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from dogctl.errors import ToolError

NOT_STARTED = "tool-not-started"


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
    ) -> Completed:
        """Run to the end and capture what it prints; `timeout` in seconds.

        Raises ToolError if it cannot be started or takes longer; a non-zero exit does not raise.
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
    ) -> Completed:
        try:
            done = subprocess.run(
                argv,
                cwd=cwd,
                env=env,
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except OSError as error:
            raise _not_started(argv, error) from error
        except subprocess.TimeoutExpired as error:
            raise ToolError(
                f"{argv[0]} did not end within {timeout:g} s", code="tool-timeout", where=argv[0]
            ) from error
        return Completed(
            tuple(argv), done.returncode, done.stdout, done.stderr.decode(errors="replace")
        )

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


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


LOCAL: Runner = ProcessRunner()


def _not_started(argv: Sequence[str], error: OSError) -> ToolError:
    return ToolError(
        f"cannot start {argv[0]}: {os.strerror(error.errno or 0)}",
        code=NOT_STARTED,
        where=argv[0],
    )
