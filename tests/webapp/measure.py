"""Counted visits per second on several servers, side by side: `python -m tests.webapp.measure`.

Each server runs the same Flask app with a constant route, the app with a ledger in every worker,
and, where it is the one the app ships with, the app as shipped. Rounds alternate and the best of
each counts, because other work on the machine only ever makes a round slower. Needs wrk, and the
servers to compare in this environment (`pip install gunicorn waitress cheroot`).
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.testbed.databases import mariadb, postgresql
from tests.testbed.debian import ensure
from tests.testbed.ports import free_port
from tests.testbed.processes import kill_all, tree_of

REPOSITORY = Path(__file__).resolve().parents[2]
WORKERS, CONNECTIONS, SECONDS = 2, 32, 5
CONSTANT_APP = """
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return "Hello"
"""
CONSTANT, LEDGERS, SHIPPED = "constant route", "a ledger per worker", "as shipped"


class Round(NamedTuple):
    """One run of wrk: requests per second, milliseconds, processor microseconds, megabytes."""

    rate: float
    p99: float
    processor: float
    memory: float


def command(server: str, app: str, port: int, threads: int) -> list[str]:
    """How to start a server with an app."""
    python = [sys.executable, "-m"]
    if app == SHIPPED:
        return [*python, "webapp"]
    target = "constant:app" if app == CONSTANT else "webapp.app:create_app"
    call = [] if app == CONSTANT else ["--factory"]
    bound = f"127.0.0.1:{port}"
    if server == "granian":
        options = ["--interface=wsgi", f"--port={port}", f"--workers={WORKERS}", "--no-ws"]
        quiet = ["--log-level=error", f"--blocking-threads={threads}"]
        return [*python, "granian", *options, *quiet, *call, target]
    if server == "gunicorn":
        target += "" if app == CONSTANT else "()"
        options = ["-k", "gthread", f"-w{WORKERS}", f"--threads={threads}", f"-b{bound}"]
        return [*python, "gunicorn", *options, "--keep-alive=30", "--log-level=error", target]
    threads *= WORKERS  # one process only
    if server == "waitress":
        call = [] if app == CONSTANT else ["--call"]
        return [*python, "waitress", f"--listen={bound}", f"--threads={threads}", *call, target]
    made = "constant.app" if app == CONSTANT else "webapp.app.create_app()"
    code = (
        f"import cheroot.wsgi, constant, webapp.app; s = cheroot.wsgi.Server(('127.0.0.1', {port}),"
    )
    return [sys.executable, "-c", f"{code} {made}, numthreads={threads}); s.safe_start()"]


@contextmanager
def serving(server: str, app: str, url: str, threads: int) -> Iterator[tuple[int, int]]:
    """A running server: its process id and port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "constant.py").write_text(CONSTANT_APP)
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "FLASK_PORT": str(port),
            "WEB_THREADS": str(threads),
            "WEB_CONCURRENCY": str(WORKERS),
            "PROMETHEUS_MULTIPROC_DIR": name,
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{name}",
        }
        with (Path(name) / "log").open("wb") as log:
            process = subprocess.Popen(
                command(server, app, port, threads), env=environment, stdout=log, stderr=log
            )
        try:
            wait_for(port)
            yield process.pid, port
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                kill_all(tree_of(process.pid))
                process.wait()


def wait_for(port: int) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + 20
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


def measure(server: str, app: str, url: str, threads: int) -> Round:
    """One round."""
    with serving(server, app, url, threads) as (pid, port):
        load(port, 1)
        before = processor_seconds(pid)
        printed = load(port, SECONDS)
        used = processor_seconds(pid) - before
        memory = sum(process.memory_info().rss for process in tree_of(pid)) / 1e6
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])  # type: ignore[index]
    if "Non-2xx" in printed:
        raise RuntimeError(printed)
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", printed).groups()  # type: ignore[union-attr]
    p99 = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return Round(rate, p99, used / (rate * SECONDS) * 1e6, memory)


def load(port: int, seconds: int) -> str:
    """What wrk prints."""
    wrk = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    done = subprocess.run(
        [*wrk, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True
    )
    return done.stdout


def processor_seconds(pid: int) -> float:
    """What a process and its descendants have used."""
    times = [process.cpu_times() for process in tree_of(pid)]
    return sum(each.user + each.system for each in times)


def compare(database: str, url: str, servers: list[str], threads: int, rounds: int) -> None:
    """Print a table for one database."""
    apps = [
        (server, app)
        for server in servers
        for app in (CONSTANT, LEDGERS, SHIPPED)
        if app != SHIPPED or server == "granian"
    ]
    found: dict[tuple[str, str], list[Round]] = {key: [] for key in apps}
    for _ in range(rounds):
        for key in apps:
            found[key].append(measure(*key, url, threads))
    top = max(each.rate for each in found[servers[0], CONSTANT])
    print(f"\n{database}, {WORKERS} workers, {threads} threads, {CONNECTIONS} connections")
    print("| server | app | rate | of granian's constant | p99 ms | processor us | MB |")
    print("|---|---|---|---|---|---|---|")
    for (server, app), each in found.items():
        best = max(each)
        print(
            f"| {server} | {app} | {best.rate:.0f} | {best.rate / top:.2f} | {best.p99:.0f} "
            f"| {min(one.processor for one in each):.0f} | {best.memory:.0f} |",
            flush=True,
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--servers", nargs="+", default=["granian", "gunicorn", "waitress"])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "mariadb", "postgresql"])
    options = parser.parse_args()
    ensure("wrk")
    servers = [name for name in options.servers if importlib.util.find_spec(name)]
    for database in options.databases:
        if database == "sqlite":
            with tempfile.TemporaryDirectory() as folder:
                url = f"sqlite:///{folder}/dogs.db"
                compare(database, url, servers, options.threads, options.rounds)
        else:
            with {"mariadb": mariadb, "postgresql": postgresql}[database]() as server:
                compare(database, server.create(), servers, options.threads, options.rounds)


if __name__ == "__main__":
    main()
