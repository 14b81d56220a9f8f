"""Counted visits on several servers, side by side: `python -m tests.bench.servers`.

Each server runs the same constant route, the app with a ledger in every worker, and, where it is
the one the app ships with, the app as shipped. The tables of docs/server.md come from here. Needs
the servers to compare in this environment (`pip install gunicorn waitress cheroot`).
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.load import CONNECTIONS, WORKERS, Candidate, alternate, python
from tests.testbed.databases import mariadb, postgresql
from tests.testbed.debian import ensure

CONSTANT, LEDGERS, SHIPPED = "constant route", "a ledger per worker", "as shipped"


def constant(server: str, threads: int) -> Candidate:
    """The constant route on a server."""
    argv = command(server, "tests.bench.constant", "app", threads)
    return Candidate(f"{CONSTANT} on {server}", argv)


def ledgers(server: str, url: str, threads: int) -> Candidate:
    """The app on a server that does not know its hub."""
    argv = command(server, "webapp.app", "create_app()", threads)
    return Candidate(f"{LEDGERS} on {server}", argv, {"DATABASE_URL": url})


def shipped(url: str, threads: int) -> Candidate:
    """The app as `python -m webapp` serves it."""
    environ = {
        "DATABASE_URL": url,
        "WEB_CONCURRENCY": str(WORKERS),
        "WEB_THREADS": str(threads),
    }
    return Candidate(SHIPPED, python("-m", "webapp"), environ)


def command(server: str, module: str, app: str, threads: int) -> tuple[str, ...]:
    """How a server is started; `app` is a name in the module, or a call of one."""
    name = app.removesuffix("()")
    made = f"{module}:{name}"
    if server == "granian":
        factory = ["--factory"] if app != name else []
        options = ["--interface=wsgi", "--port={port}", f"--workers={WORKERS}", "--no-ws"]
        quiet = ["--log-level=error", f"--blocking-threads={threads}"]
        return python("-m", "granian", *options, *quiet, *factory, made)
    if server == "gunicorn":
        options = ["-kgthread", f"-w{WORKERS}", f"--threads={threads}", "-b127.0.0.1:{port}"]
        quiet = ["--keep-alive=30", "--log-level=error"]
        return python("-m", "gunicorn", *options, *quiet, f"{module}:{app}")
    threads *= WORKERS  # one process only
    if server == "waitress":
        call = ["--call"] if app != name else []
        options = ["--listen=127.0.0.1:{port}", f"--threads={threads}"]
        return python("-m", "waitress", *options, *call, made)
    serve = f"Server(('127.0.0.1', {{port}}), {module}.{app}, numthreads={threads}).safe_start()"
    return python("-c", f"import {module}; from cheroot.wsgi import Server; {serve}")


@contextmanager
def database(name: str) -> Iterator[str]:
    """The DATABASE_URL of an empty database."""
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/dogs.db"
    else:
        with {"mariadb": mariadb, "postgresql": postgresql}[name]() as server:
            yield server.create()


def compare(name: str, servers: list[str], threads: int, rounds: int, seconds: int) -> None:
    """Print a table for one database."""
    with database(name) as url:
        candidates = [shipped(url, threads)]
        for server in servers:
            candidates += [constant(server, threads), ledgers(server, url, threads)]
        found = alternate(candidates, rounds, seconds)
    print(f"\n{name}, {WORKERS} workers, {threads} threads, {CONNECTIONS} connections\n")
    print("| app and server | visits/s | of the constant route | p99 ms | processor us | MB |")
    print("|---|---|---|---|---|---|")
    top = found[f"{CONSTANT} on granian"].rate
    for each, best in found.items():
        print(
            f"| {each} | {best.rate:.0f} | {best.rate / top:.2f} | {best.p99:.0f} "
            f"| {best.processor:.0f} | {best.memory:.0f} |",
            flush=True,
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--servers", nargs="*", default=["gunicorn", "waitress", "cheroot"])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "mariadb", "postgresql"])
    options = parser.parse_args()
    ensure("wrk")
    servers = ["granian", *filter(importlib.util.find_spec, options.servers)]
    for name in options.databases:
        compare(name, servers, options.threads, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
