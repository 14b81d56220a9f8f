"""A database that takes connections and answers nothing."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.testbed.databases import DatabaseServer
from tests.webapp.conftest import Served, number_in

pytestmark = pytest.mark.real


@pytest.fixture
def served(serve: Callable[..., Served], server_database: DatabaseServer) -> Served:
    served = serve(server_database.create(), VISIT_TIMEOUT="3", STOP_TIMEOUT="5")
    for _ in range(8):  # until every worker has served a page
        served.get()
    return served


def test_probes_are_answered_and_every_answer_is_counted(
    served: Served, server_database: DatabaseServer
) -> None:
    before = int(json.loads(served.get("/api/visits")[1])["visits"])
    answers: list[tuple[int, str]] = []
    with server_database.frozen():
        visitors = [
            threading.Thread(target=lambda: answers.append(served.get())) for _ in range(60)
        ]
        for visitor in visitors:
            visitor.start()
        time.sleep(2)  # by now it is known that the database does not answer
        assert served.get("/healthz", timeout=5)[0] == 200
        status, body = served.get("/ready", timeout=5)
        assert (status, json.loads(body)["status"]) == (503, "unready")
        for visitor in visitors:
            visitor.join()
    served.wait("/ready")
    numbers = [number_in(page) for status, page in answers if status == 200]
    assert {status for status, _ in answers} <= {200, 503}
    assert len(set(numbers)) == len(numbers)
    # What was committed unseen goes to later visitors, so no number is skipped.
    later = [number_in(served.get()[1]) for _ in range(70)]
    assert len({*numbers, *later}) == len(numbers) + len(later)
    assert max(later) <= before + len(numbers) + len(later) + 60


def test_a_stop_ends_it_all_the_same(served: Served, server_database: DatabaseServer) -> None:
    with server_database.frozen():
        visitor = threading.Thread(target=visit_in_vain, args=(served,))
        visitor.start()
        time.sleep(0.5)
        assert served.terminate() in (0, 1)
        visitor.join()


def visit_in_vain(served: Served) -> None:
    with suppress(OSError, http.client.HTTPException):
        served.get(timeout=20)


def test_a_full_server_counts_nobody_it_cannot_show_a_picture(
    serve: Callable[..., Served], server_database: DatabaseServer
) -> None:
    """The ledger has its connection; the workers cannot get theirs for the list of pictures."""
    url = server_database.create()
    served = serve(url, WEB_CONCURRENCY="4")
    number_in(served.get()[1])
    with server_database.full():
        answers = [served.get() for _ in range(40)]
    shown = sum(status == 200 for status, _ in answers)
    served.wait("/ready")
    assert json.loads(served.get("/api/visits")[1])["visits"] == 1 + shown
