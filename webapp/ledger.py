"""The count in the database: exact, durable, and each visit in it once.

A commit can succeed although its acknowledgement is lost. So each transaction that adds to the
count also notes, in a row of this ledger's own, which batch it was and what the count became. After
any failure the ledger first takes the lock of the count on a new connection (which waits for
whatever became of the old transaction) and reads that row: the batch is then known to be in or out.
Only COMMIT is ever outstanding when a batch can still get in, because nothing is sent before the
answer to what came earlier.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from webapp.database import Connection

FORGET_SECONDS = 7 * 86400


class Grant(NamedTuple):
    """Visitor numbers, committed and granted to nobody else, and the catalogue's version."""

    numbers: list[int]
    catalogue: int


class _Batch(NamedTuple):
    sequence: int
    added: int


class Ledger:
    """Adds to the count over one connection of its own. Not for two threads at once.

    `connect` opens a connection to a database whose schema is ready.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._id = uuid.uuid4().hex
        self._sequence = 0
        self._connection: Connection | None = None
        self._unsettled: _Batch | None = None
        self._spare: deque[int] = deque()

    def add(self, wanted: int) -> Grant:
        """Count that many visits in one commit.

        Raises DatabaseError or DatabaseUnavailable; should the visits be in the count nevertheless,
        their numbers are the first to be granted next time, so that none is lost.
        """
        try:
            if self._connection is None:
                self._connection = self._connect()
            if self._unsettled is not None:
                self._settle(self._connection, self._unsettled)
            self._sequence += 1
            batch = _Batch(self._sequence, max(0, wanted - len(self._spare)))
            self._unsettled = batch
            total, catalogue = self._commit(self._connection, batch)
        except BaseException:
            self.close()
            raise
        self._settled(batch, total)
        return Grant([self._spare.popleft() for _ in range(wanted)], catalogue)

    def give_back(self, numbers: Iterable[int]) -> None:
        """Take back numbers that nobody has seen, to be granted again."""
        self._spare.extend(numbers)

    def close(self) -> None:
        """Close the connection; `add` opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _commit(self, connection: Connection, batch: _Batch) -> tuple[int, int]:
        """The count with the batch in it, and the catalogue's version."""
        with connection.transaction():
            total, catalogue = _increase(connection, batch.added)
            now = int(time.time())
            noted = connection.execute(
                "UPDATE dogapp_committers SET sequence = %s, total = %s, updated = %s WHERE id = %s",
                (batch.sequence, total, now, self._id),
            )
            if not noted.changed:
                self._register(connection, batch, total, now)
        return total, catalogue

    def _register(self, connection: Connection, batch: _Batch, total: int, now: int) -> None:
        connection.execute(
            "DELETE FROM dogapp_committers WHERE updated < %s", (now - FORGET_SECONDS,)
        )
        connection.execute(
            "INSERT INTO dogapp_committers (id, sequence, total, updated) VALUES (%s, %s, %s, %s)",
            (self._id, batch.sequence, total, now),
        )

    def _settle(self, connection: Connection, batch: _Batch) -> None:
        """Find out whether a batch whose transaction failed is in the count after all."""
        lock = connection.dialect.for_update
        with connection.transaction():
            connection.execute(f"SELECT visits FROM dogapp_counter WHERE id = 1{lock}")  # noqa: S608
            rows = connection.execute(
                f"SELECT total FROM dogapp_committers WHERE id = %s AND sequence = %s{lock}",  # noqa: S608
                (self._id, batch.sequence),
            ).rows
        if rows:
            self._settled(batch, rows[0][0])
        self._unsettled = None

    def _settled(self, batch: _Batch, total: int) -> None:
        self._unsettled = None
        self._spare.extend(range(total - batch.added + 1, total + 1))


def _increase(connection: Connection, added: int) -> tuple[int, int]:
    """Add to the count and return it with the catalogue's version; the row stays locked."""
    update = "UPDATE dogapp_counter SET visits = visits + %s WHERE id = 1"
    if connection.dialect.returning:
        row = connection.row(f"{update} RETURNING visits, catalogue", (added,))
    else:
        connection.execute(update, (added,))
        row = connection.row("SELECT visits, catalogue FROM dogapp_counter WHERE id = 1")
    return row[0], row[1]
