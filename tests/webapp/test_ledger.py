from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from tests.testbed.databases import DatabaseServer
from tests.webapp.proxy import CommitCutter
from webapp.database import Connection, Database, DatabaseUnavailable, Result
from webapp.dburl import parse_url
from webapp.ledger import Ledger
from webapp.store import prepare
from webapp.visits import Visits


def visits_in(database: Database) -> int:
    with database.connection() as connection:
        return int(connection.execute("SELECT visits FROM dogapp_counter").rows[0][0])


@pytest.fixture
def make_ledger(any_database: Database) -> Iterator[Callable[[], Ledger]]:
    prepare(any_database)
    made: list[Ledger] = []

    def make() -> Ledger:
        made.append(Ledger(any_database.connect))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


def test_numbers_follow_each_other(make_ledger: Callable[[], Ledger]) -> None:
    ledger = make_ledger()

    assert ledger.add(3).numbers == [1, 2, 3]
    assert ledger.add(0).numbers == []
    assert ledger.add(2).numbers == [4, 5]


def test_numbers_given_back_are_granted_first(
    make_ledger: Callable[[], Ledger], any_database: Database
) -> None:
    ledger = make_ledger()
    ledger.give_back(ledger.add(2).numbers)

    assert ledger.add(3).numbers == [1, 2, 3]
    assert visits_in(any_database) == 3


def test_several_ledgers_never_grant_a_number_twice(
    make_ledger: Callable[[], Ledger], any_database: Database
) -> None:
    granted: list[int] = []

    def work(ledger: Ledger) -> None:
        for size in range(20):
            granted.extend(ledger.add(size % 4).numbers)

    threads = [threading.Thread(target=work, args=(make_ledger(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(granted) == list(range(1, 121))
    assert visits_in(any_database) == 120


class Failing(Connection):
    """A connection that breaks at a statement: before it takes effect or after."""

    def __init__(self, inner: Connection, statement: str, *, after: bool) -> None:
        self.dialect = inner.dialect
        self._inner = inner
        self._statement = statement
        self._after = after
        self._errors = ()

    def execute(self, sql: str, params: object = ()) -> Result:
        """Pass on, or break."""
        failing = sql.startswith(self._statement)
        if failing and not self._after:
            self._inner.close()
            raise DatabaseUnavailable("connection to the database was lost")
        result = self._inner.execute(sql, params)  # type: ignore[arg-type]
        if failing:
            self._inner.close()
            raise DatabaseUnavailable("connection to the database was lost")
        return result

    def close(self) -> None:
        """Close the real one."""
        self._inner.close()


@pytest.mark.parametrize("after", [False, True], ids=["lost", "acknowledgement-lost"])
@pytest.mark.parametrize(
    "statement",
    ["BEGIN", "UPDATE dogapp_counter", "UPDATE dogapp_committers", "INSERT INTO", "COMMIT"],
)
def test_a_batch_is_counted_once_whatever_broke(
    any_database: Database, statement: str, after: bool
) -> None:
    prepare(any_database)
    connections = iter(
        [Failing(any_database.connect(), statement, after=after), any_database.connect()]
    )
    ledger = Ledger(lambda: next(connections))

    with pytest.raises(DatabaseUnavailable):
        ledger.add(3)
    numbers = ledger.add(3).numbers + ledger.add(2).numbers
    ledger.close()

    assert numbers == [1, 2, 3, 4, 5]
    assert visits_in(any_database) == 5


@pytest.fixture
def cutter(server_database: DatabaseServer) -> Iterator[CommitCutter]:
    proxy = CommitCutter(server_database.port)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_commit_whose_acknowledgement_was_lost_is_found_again(
    server_database: DatabaseServer, cutter: CommitCutter, cut: str
) -> None:
    direct = Database(parse_url(server_database.create()))
    prepare(direct)
    proxied = Database(parse_url(server_database.url(direct.url.name, cutter.port)))
    ledger = Ledger(proxied.connect)
    visits = Visits(ledger.add, patience=10, seats=10)
    assert visits.count().number == 1

    cutter.arm(cut)
    number = visits.count().number

    assert cutter.cuts == 1
    assert number == 2
    assert visits.count().number == 3
    assert visits_in(direct) == 3
    visits.close()
    ledger.close()
    direct.close()


def test_a_batch_is_settled_only_when_the_old_transaction_is_over(
    server_database: DatabaseServer,
) -> None:
    """The new connection waits for the lock that the lost one still holds, then looks."""
    database = Database(parse_url(server_database.create()))
    prepare(database)
    slow = database.connect()
    connections = iter([Failing(slow, "COMMIT", after=False), database.connect()])
    slow.close, really_close = (lambda: None), slow.close  # type: ignore[method-assign]
    ledger = Ledger(lambda: next(connections))
    with pytest.raises(DatabaseUnavailable):
        ledger.add(3)
    late = threading.Timer(0.5, slow.execute, ("COMMIT",))

    late.start()
    numbers = ledger.add(3).numbers
    late.join()

    assert numbers == [1, 2, 3]
    assert visits_in(database) == 3
    really_close()
    ledger.close()
    database.close()
