from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.webapp.test_visits import FakeLedger, wait_until
from webapp.database import DatabaseError, DatabaseUnavailable
from webapp.hub import Hub, HubLedger
from webapp.ledger import Grant


class SharedLedger(FakeLedger):
    """A ledger in memory that also takes numbers back."""

    def __init__(self) -> None:
        super().__init__()
        self.returned: list[int] = []
        self.error: Exception | None = None

    def add(self, wanted: int) -> Grant:
        """As Ledger.add."""
        if self.error:
            raise self.error
        return super().add(wanted)

    def give_back(self, numbers: Iterable[int]) -> None:
        """As Ledger.give_back."""
        self.returned.extend(numbers)

    def close(self) -> None:
        """As Ledger.close."""


@pytest.fixture
def ledger() -> SharedLedger:
    return SharedLedger()


@pytest.fixture
def hub(tmp_path: Path, ledger: SharedLedger) -> Iterator[Hub]:
    hub = Hub(tmp_path / "hub", ledger)  # type: ignore[arg-type]
    hub.start()
    yield hub
    hub.close()


@pytest.fixture
def path(hub: Hub, tmp_path: Path) -> Path:  # noqa: ARG001  (it listens there)
    return tmp_path / "hub"


def test_a_worker_gets_what_it_asks_for(path: Path) -> None:
    worker = HubLedger(path)

    assert worker.add(3) == Grant([1, 2, 3], 7)
    assert worker.add(0) == Grant([], 7)
    assert worker.add(1) == Grant([4], 7)
    worker.close()


def test_workers_that_wait_share_a_commit(hub: Hub, path: Path, ledger: SharedLedger) -> None:
    first, *others = (HubLedger(path) for _ in range(3))
    for worker in (first, *others):
        worker.add(0)
    ledger.batches.clear()
    asked = ledger.asked
    ledger.open.clear()
    with ThreadPoolExecutor(3) as pool:
        granted = [pool.submit(first.add, 5)]
        wait_until(lambda: ledger.asked > asked)
        granted += [pool.submit(worker.add, 5) for worker in others]
        wait_until(lambda: len(hub._selector.select(0)) == 2)
        ledger.open.set()
        numbers = [number for each in granted for number in each.result().numbers]

    assert sorted(numbers) == list(range(1, 16))
    assert ledger.batches == [5, 10]
    for worker in (first, *others):
        worker.close()


def test_failures_arrive_as_they_are(path: Path, ledger: SharedLedger) -> None:
    worker = HubLedger(path)
    ledger.error = DatabaseUnavailable("database is locked", "by ü")
    with pytest.raises(DatabaseUnavailable, match="by ü") as caught:
        worker.add(1)
    assert caught.value.reason == "database is locked"
    ledger.error = DatabaseError("no such table")
    with pytest.raises(DatabaseError, match="no such table"):
        worker.add(1)
    ledger.error = None

    assert worker.add(1).numbers == [1]
    worker.close()


def test_the_numbers_of_a_worker_that_died_are_given_back(path: Path, ledger: SharedLedger) -> None:
    ledger.open.clear()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dying:
        dying.connect(str(path))
        dying.send(b"\x02\0\0\0")
    ledger.open.set()
    alive = HubLedger(path)

    alive.add(1)

    assert ledger.returned in ([], [1, 2])
    alive.close()


def test_a_worker_notices_that_the_hub_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="stopping"):
        HubLedger(tmp_path / "nowhere").add(1)
