"""Visitors of the app who come all the time, each with a connection of its own or with one it keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from threading import Event

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.testbed.cluster.cluster import Cluster

NUMBER = re.compile(r"visitor number\D+(?:<[^>]+>)?([\d,]+)")
PATIENCE_SECONDS = 20
# A server may end a kept connection just when a request is sent on it. What was not heard is asked
# again, as every browser does (RFC 9112, 9.3.1); had it been heard, its number would be missing.
AGAIN = Retry(total=1, connect=0, read=1, status=0, backoff_factor=0)
CROWD = 6


@dataclass
class Visits:
    """The numbers that visitors were shown, and what went wrong."""

    numbers: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def visit(self, session: requests.Session, url: str) -> None:
        """Ask for the page once."""
        try:
            answer = session.get(url, timeout=PATIENCE_SECONDS)
            answer.raise_for_status()
        except requests.RequestException as error:
            self.failures.append(repr(error))
        else:
            found = NUMBER.search(answer.text)
            assert found, answer.text
            self.numbers.append(int(found[1].replace(",", "")))


def visit(cluster: Cluster, url: str, times: int) -> Visits:
    """So many visits, several at a time, each on a new connection."""
    visits = Visits()
    with cluster.network(), ThreadPoolExecutor(CROWD) as pool:
        for _ in range(times):
            pool.submit(once, visits, url)
    return visits


def once(visits: Visits, url: str) -> None:
    """One visitor who comes and goes."""
    with requests.Session() as session:
        visits.visit(session, url)


@contextmanager
def crowd(cluster: Cluster, url: str) -> Iterator[Visits]:
    """While it lasts, visitors come one after the other; half of them keep their connection."""
    visits, over = Visits(), Event()

    def come(keep: bool) -> None:
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=AGAIN))
            while not over.is_set():
                visits.visit(session, url) if keep else once(visits, url)

    with ThreadPoolExecutor(CROWD) as pool:
        with cluster.network():
            coming = [
                pool.submit(come, keep) for keep, _ in zip(cycle([True, False]), range(CROWD))
            ]
        try:
            yield visits
        finally:
            over.set()
    for each in coming:
        each.result()
