"""Metrics in Prometheus format, summed over the worker processes.

With PROMETHEUS_MULTIPROC_DIR set before this module is imported each worker keeps its numbers in
files of that folder, and any of them answers for all:
https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """What one worker counts, and the answer for all of them."""

    def __init__(self) -> None:
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        self._folder = Path(folder) if folder else None
        self._registry = CollectorRegistry()
        labels = ["route", "method", "code"]
        self._requests = Counter(
            "dogapp_requests", "Requests answered.", labels, registry=self._registry
        )
        self._seconds = Histogram(
            "dogapp_request_duration_seconds",
            "Time to an answer.",
            labels,
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.database_errors = Counter(
            "dogapp_database_errors",
            "Failed uses of the database, by unavailable or error.",
            ["kind"],
            registry=self._registry,
        )
        self.pool_in_use = self._gauge("dogapp_database_pool_in_use", "Borrowed connections.")
        self.pool_size = self._gauge("dogapp_database_pool_size", "Most connections of the pools.")
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, method: str, code: int, seconds: float) -> None:
        """Count one answered request. `route` is a rule of the app, never a path from outside."""
        key = (route, method if method in _METHODS else "other", code)
        children = self._children.get(key)
        if children is None:
            texts = (key[0], key[1], str(code))
            children = self._requests.labels(*texts), self._seconds.labels(*texts)
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def render(self, visitors: int | None, version: str, collection: str) -> bytes:
        """All metrics; `visitors` is None when the database is away."""
        registry = CollectorRegistry()
        registry.register(_Live(visitors, version, collection))
        if self._folder is None:
            return generate_latest(registry) + generate_latest(self._registry)
        _forget_dead_workers(self._folder)
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")


class _Live(Collector):
    """What is true at the moment of the scrape, the same on every replica."""

    def __init__(self, visitors: int | None, version: str, collection: str) -> None:
        self._visitors = visitors
        self._labels = {"version": version, "collection": collection}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The visitors, whether the database answers, and what is running."""
        up = 0 if self._visitors is None else 1
        yield GaugeMetricFamily("dogapp_database_up", "Whether the database answers.", value=up)
        if self._visitors is not None:
            yield GaugeMetricFamily(
                "dogapp_visitors", "Visits counted in the database.", value=self._visitors
            )
        info = GaugeMetricFamily("dogapp_build_info", "What runs.", labels=list(self._labels))
        info.add_metric(list(self._labels.values()), 1)
        yield info


def _forget_dead_workers(folder: Path) -> None:
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not _alive(pid):
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
