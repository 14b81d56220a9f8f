"""The page with a visit counted, as shipped, next to the least and the most naive of its kind."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import naive
from tests.bench.load import CONNECTIONS, WORKERS, Candidate, alternate, python
from tests.bench.servers import command, constant, shipped
from tests.bench.table import Row
from tests.testbed.databases import mariadb
from tests.testbed.debian import ensure
from webapp.dburl import parse_url

THREADS = 16
ROUNDS, SECONDS = 3, 3
TITLE = (
    f"A visit on MariaDB, commits durable: {WORKERS} workers of {THREADS} threads,"
    f" {CONNECTIONS} connections, best of {ROUNDS} alternating rounds"
)


def measure_visits(rounds: int = ROUNDS, seconds: int = SECONDS) -> Iterator[Row]:
    """Rates, their ratios and those of the 99th percentiles. Raises MissingPackages."""
    ensure("wrk")
    with mariadb() as server:
        plain, app, *baselines = candidates(server.create(), server.create())
        found = alternate([plain, app, *baselines], rounds, seconds)
    for name, best in found.items():
        yield Row(name, best.rate, "/s")
    ours, least = found[app.name], found[plain.name]
    # The goal is for the first of them: as such an app is served, and no slower than it must be.
    for each, goal in zip(baselines, ("at least 40", "", ""), strict=True):
        yield Row(f"as shipped / {each.name}", ours.rate / found[each.name].rate, "x", goal)
    yield Row("as shipped / constant route", ours.rate / least.rate, "x", "above 0.3")
    yield Row("99th percentile as shipped", ours.p99, "ms")
    yield Row("99th percentile as shipped / constant route", ours.p99 / least.p99, "x", "at most 4")


def candidates(ours: str, other: str) -> tuple[Candidate, ...]:
    """The constant route, the app as shipped on one database, the naive app on the other.

    The naive app as it is usually served, by Flask; on the server that is kindest to it, which is
    the shipped one (gunicorn gets less out of it); and with its driver's defaults.
    """
    url = parse_url(other)
    naive.create_tables(url)
    environ = naive.variables(url)
    flask = python("-m", "tests.bench.naive")
    granian = command("granian", "tests.bench.naive", "app", THREADS)
    return (
        constant("granian", THREADS),
        shipped(ours, THREADS),
        Candidate("naive app", flask, environ),
        Candidate("naive app on granian", granian, environ),
        Candidate("naive app, default TLS", flask, {**environ, "DB_TLS": "1"}),
    )
