"""A server under load: wrk with 32 connections on loopback, for a few seconds."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.testbed.ports import free_port
from tests.testbed.processes import kill_all, tree_of

REPOSITORY = Path(__file__).resolve().parents[2]
WORKERS, CONNECTIONS = 2, 32
PATIENCE = 20.0


class Round(NamedTuple):
    """Requests per second, milliseconds, processor microseconds per request, megabytes."""

    rate: float
    p99: float
    processor: float
    memory: float


@dataclass(frozen=True)
class Candidate:
    """A server with an app: its arguments, where `{port}` is filled in, and its variables."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)


def alternate(candidates: Sequence[Candidate], rounds: int, seconds: int) -> dict[str, Round]:
    """The best figures of each, because other work on the machine only ever makes one worse.

    Raises RuntimeError when a server does not answer each request with success.
    """
    found: dict[str, list[Round]] = {candidate.name: [] for candidate in candidates}
    for _ in range(rounds):
        for candidate in candidates:
            found[candidate.name].append(measure(candidate, seconds))
    return {name: _best(each) for name, each in found.items()}


def measure(candidate: Candidate, seconds: int) -> Round:
    """One round, after a second to get warm."""
    with serving(candidate) as (pid, port):
        load(port, 1)
        before = processor_seconds(pid)
        printed = load(port, seconds)
        used = processor_seconds(pid) - before
        memory = sum(process.memory_info().rss for process in tree_of(pid)) / 1e6
    rate, p99 = figures(printed)
    return Round(rate, p99, used / (rate * seconds) * 1e6, memory)


@contextmanager
def serving(candidate: Candidate) -> Iterator[tuple[int, int]]:
    """A running server: its process id and port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="dogctl-bench-") as folder:
        variables = {
            "FLASK_PORT": str(port),
            "PROMETHEUS_MULTIPROC_DIR": folder,
            "PYTHONPATH": str(REPOSITORY),
        }
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(
                [part.replace("{port}", str(port)) for part in candidate.argv],
                env={**os.environ, **variables, **candidate.environ},
                stdout=log,
                stderr=log,
            )
        try:
            _wait_for(port)
            yield process.pid, port
        finally:
            _end(process)


def python(*arguments: str) -> tuple[str, ...]:
    """The start of arguments: this Python."""
    return (sys.executable, *arguments)


def load(port: int, seconds: int) -> str:
    """What wrk prints. Raises RuntimeError for an answer that is none."""
    wrk = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout=10s"]
    printed = subprocess.run(
        [*wrk, f"http://127.0.0.1:{port}/"],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + PATIENCE,
    ).stdout
    if "Non-2xx" in printed or "Socket errors" in printed:
        raise RuntimeError(printed)
    return printed


def figures(printed: str) -> tuple[float, float]:
    """Requests per second and the 99th percentile in milliseconds, from what wrk printed."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", printed)
    if not rate or not slow:
        raise RuntimeError(printed)
    return float(rate[1]), float(slow[1]) * {"us": 0.001, "ms": 1, "s": 1000}[slow[2]]


def processor_seconds(pid: int) -> float:
    """What a process and its descendants have used."""
    times = [process.cpu_times() for process in tree_of(pid)]
    return sum(each.user + each.system for each in times)


def _best(rounds: Sequence[Round]) -> Round:
    rate, *costs = zip(*rounds, strict=True)
    return Round(max(rate), *map(min, costs))


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    tree = tree_of(process.pid)
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    kill_all(tree)
