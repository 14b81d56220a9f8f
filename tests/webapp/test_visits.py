from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from webapp.database import DatabaseUnavailable
from webapp.ledger import Grant
from webapp.visits import Visits


class FakeLedger:
    """Counts in memory; fails and waits on demand."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.batches: list[int] = []
        self.failures = 0
        self.asked = 0
        self.open = threading.Event()
        self.open.set()

    def add(self, wanted: int) -> Grant:
        """As Ledger.add."""
        self.asked += 1
        self.open.wait()
        if self.failures:
            self.failures -= 1
            raise DatabaseUnavailable("database cannot be reached")
        self.batches.append(wanted)
        return Grant([next(self.numbers) for _ in range(wanted)], 7)

    def total(self) -> int:
        """The count."""
        return sum(self.batches)


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def make(ledger: FakeLedger) -> Iterator[Callable[..., Visits]]:
    made: list[Visits] = []

    def make(patience: float = 5, seats: int = 50) -> Visits:
        made.append(Visits(ledger.add, patience, seats))
        return made[-1]

    yield make
    ledger.open.set()
    ledger.failures = 0
    for visits in made:
        visits.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_visit_has_a_number_and_the_catalogue(make: Callable[..., Visits]) -> None:
    visits = make()

    assert visits.count() == (1, 7)
    assert visits.count() == (2, 7)


def test_visits_that_wait_share_a_commit(make: Callable[..., Visits], ledger: FakeLedger) -> None:
    visits = make()
    ledger.open.clear()
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(visits.count)]
        wait_until(lambda: ledger.asked == 1)
        waiting += [pool.submit(visits.count) for _ in range(19)]
        wait_until(lambda: len(visits._waiting) == 19)
        ledger.open.set()
        numbers = sorted(visit.result().number for visit in waiting)

    assert numbers == list(range(1, 21))
    assert ledger.batches == [1, 19]


def test_a_short_outage_is_only_a_wait(make: Callable[..., Visits], ledger: FakeLedger) -> None:
    visits = make()
    ledger.failures = 3

    assert visits.count().number == 1
    assert ledger.total() == 1


def test_a_visit_that_gave_up_before_its_commit_is_not_counted(
    make: Callable[..., Visits], ledger: FakeLedger
) -> None:
    visits = make(patience=0.1)
    ledger.failures = 10**6
    with pytest.raises(DatabaseUnavailable):
        visits.count()
    ledger.failures = 0
    wait_until(lambda: visits._away_since is None)

    assert visits.count().number == 1
    assert ledger.total() == 1


def test_the_number_of_a_visit_that_gave_up_goes_to_the_next(
    make: Callable[..., Visits], ledger: FakeLedger
) -> None:
    visits = make(patience=0.1)
    ledger.open.clear()
    with pytest.raises(DatabaseUnavailable):
        visits.count()
    ledger.open.set()
    wait_until(lambda: ledger.batches == [1])

    assert visits.count().number == 1
    assert visits.count().number == 2
    assert ledger.total() == 2


def test_a_long_outage_is_refused_at_once_and_its_end_is_noticed(
    make: Callable[..., Visits], ledger: FakeLedger
) -> None:
    visits = make(patience=1)
    ledger.failures = 10**6
    with pytest.raises(DatabaseUnavailable):
        visits.count()
    wait_until(lambda: time.monotonic() - (visits._away_since or time.monotonic()) > 1)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        visits.count()
    assert time.monotonic() - began < 1

    ledger.failures = 0

    wait_until(lambda: visits._away_since is None)
    assert visits.count().number == 1


def test_only_so_many_wait_for_a_database_that_is_away(
    make: Callable[..., Visits], ledger: FakeLedger
) -> None:
    visits = make(patience=1, seats=2)
    ledger.failures = 10**6
    with ThreadPoolExecutor(12) as pool:
        began = time.monotonic()
        refused = [pool.submit(_seconds_to_refusal, visits, began) for _ in range(12)]
        seconds = sorted(result.result() for result in refused)

    # The first may all be in before the outage is known; after that, two seats.
    assert visits._away_since is not None
    with pytest.raises(DatabaseUnavailable):
        visits.count()
    # One after the other they would take six times their patience.
    assert seconds[-1] < 4


def _seconds_to_refusal(visits: Visits, began: float) -> float:
    with pytest.raises(DatabaseUnavailable):
        visits.count()
    return time.monotonic() - began


def test_closing_counts_what_waits(make: Callable[..., Visits], ledger: FakeLedger) -> None:
    visits = make()
    ledger.open.clear()
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(visits.count)]
        wait_until(lambda: ledger.asked == 1)
        waiting += [pool.submit(visits.count) for _ in range(4)]
        wait_until(lambda: len(visits._waiting) == 4)
        threading.Timer(0.05, ledger.open.set).start()
        visits.close()

        assert sorted(visit.result().number for visit in waiting) == [1, 2, 3, 4, 5]
    with pytest.raises(DatabaseUnavailable):
        visits.count()


def test_many_threads_many_visits_no_number_twice(
    make: Callable[..., Visits], ledger: FakeLedger
) -> None:
    visits = make()
    with ThreadPoolExecutor(32) as pool:
        numbers = [visit.number for visit in pool.map(lambda _: visits.count(), range(5000))]

    assert sorted(numbers) == list(range(1, 5001))
    assert ledger.total() == 5000
