"""Programs that run in the background in private namespaces, and waiting until they answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.testbed.namespaces import WITH_PARENT, Namespaces, killed
from tests.testbed.programs import Programs

START_SECONDS = 120


@contextmanager
def service(
    private: Namespaces, command: list[str], log: Path, programs: Programs
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the namespaces, killed at the end; what it says goes to a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            private.command(*WITH_PARENT, *command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ(programs),
        )
    with killed(process):
        try:
            yield process
        except StartError as error:
            if error.process is not process:
                raise
            raise RuntimeError(f"{command[0]} {error}:\n{log.read_text()[-2000:]}") from error


@contextmanager
def serving(module: str, *words: object) -> Iterator[int]:
    """A module in a process of its own, killed at the end; the port that it prints first."""
    argv = [*WITH_PARENT, sys.executable, "-m", module, *map(str, words)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as it:
        try:
            assert it.stdout
            yield int(it.stdout.readline())
        finally:
            it.kill()


def environ(programs: Programs) -> dict[str, str]:
    """What a process needs to run these programs, and the programs to find each other."""
    path = f"{programs.path}:{os.environ['PATH']}"
    return {**os.environ, **programs.libraries, "PATH": path}


class StartError(Exception):
    """A program ended, or did not answer in time."""

    def __init__(self, process: subprocess.Popen[bytes], what: str) -> None:
        super().__init__(what)
        self.process = process


def wait(process: subprocess.Popen[bytes], answers: Callable[[], bool]) -> None:
    """Return as soon as it answers. Raises StartError."""
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if process.poll() is not None:
            raise StartError(process, f"ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise StartError(process, f"did not answer within {START_SECONDS} s")
        time.sleep(0.02)


def answers(path: str, family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    """Whether a server answers a request over HTTP with 200."""
    with socket.socket(family) as connection:
        connection.settimeout(START_SECONDS)
        try:
            connection.connect(address)
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return b" 200 " in connection.recv(64)
        except OSError:
            return False
