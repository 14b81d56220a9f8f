"""Many visits in one commit.

A request hands in a ticket and waits. One thread takes all tickets that wait, has their number
added to the count, and hands out the numbers once they are committed. While one commit runs, the
next tickets gather.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from webapp.database import DatabaseUnavailable
from webapp.ledger import Grant

RETRY_SECONDS = 0.05
RETRY_SECONDS_MOST = 0.5
STALL_SECONDS = 1.0


class Visit(NamedTuple):
    """A visitor's number, and the version of the catalogue of pictures at that moment."""

    number: int
    catalogue: int


class _Ticket:
    """A request that waits. `gate` is held until it may go on; all else needs the lock."""

    __slots__ = ("abandoned", "behind", "gate", "visit")

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.visit: Visit | None = None
        self.abandoned = False
        self.behind: _Ticket | None = None


class Visits:
    """The visits of one process.

    `add` counts a number of visits durably. `patience`: seconds a request waits for its number, a
    database restart included. `seats`: how many requests may wait at a time. While the database is
    away or does not answer, more are refused, so that other threads stay free for the probes.
    `on_error(error, first)` and `on_back()` tell of the database going away and coming back.
    """

    def __init__(
        self,
        add: Callable[[int], Grant],
        patience: float,
        seats: int,
        on_error: Callable[[Exception, bool], None] = lambda _error, _first: None,
        on_back: Callable[[], None] = lambda: None,
    ) -> None:
        self._add = add
        self._patience = patience
        self._seats = threading.Semaphore(seats)
        self._on_error = on_error
        self._on_back = on_back
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._waiting: deque[_Ticket] = deque()
        self._spare: deque[int] = deque()
        self._away_since: float | None = None
        self._away_reason = ""
        self._asked_since: float | None = None
        self._thread: threading.Thread | None = None
        self._closing = False

    def count(self) -> Visit:
        """Count a visit and return its number, committed and shown to nobody else.

        Raises DatabaseUnavailable when that takes longer than `patience`; the visit is then
        withdrawn, and should it be committed all the same, a later visitor gets its number.
        """
        # As long as nothing is known to be wrong, a seat is free within a commit's time.
        if not self._seats.acquire(timeout=0 if self.trouble() else STALL_SECONDS):
            raise DatabaseUnavailable(self.trouble() or "too many visits at once")
        try:
            return self._counted()
        finally:
            self._seats.release()

    def trouble(self) -> str:
        """Why no visit can be counted at this moment, as far as is known; empty if all is well."""
        if self._away_since is not None:
            return self._away_reason
        since = self._asked_since
        if since is not None and time.monotonic() - since > STALL_SECONDS:
            return "database does not answer"
        return ""

    def _counted(self) -> Visit:
        ticket = _Ticket()
        with self._lock:
            self._admit()
            self._waiting.append(ticket)
            if len(self._waiting) == 1:
                self._wake.set()
        if not ticket.gate.acquire(timeout=self._patience):
            self._withdraw(ticket)
        if ticket.behind is not None:
            # One wakes the next: woken all at once they would only fight for the interpreter.
            ticket.behind.gate.release()
        if ticket.visit is None:
            raise DatabaseUnavailable("the visit could not be counted in time")
        return ticket.visit

    def close(self) -> None:
        """Count what waits and end the thread."""
        with self._lock:
            self._closing = True
            self._wake.set()
            thread = self._thread
        if thread is not None:
            thread.join(self._patience)

    def _admit(self) -> None:
        if self._closing:
            raise DatabaseUnavailable("the server is stopping")
        if self._thread is None:
            # Started by the first visit: a thread does not survive the fork of a worker.
            self._thread = threading.Thread(target=self._run, name="visits", daemon=True)
            self._thread.start()
        since = self._away_since or self._asked_since
        if since is not None and time.monotonic() - since > self._patience:
            raise DatabaseUnavailable(self.trouble())

    def _withdraw(self, ticket: _Ticket) -> None:
        with self._lock:
            if ticket.visit is None:
                ticket.abandoned = True
                with suppress(ValueError):
                    self._waiting.remove(ticket)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            pause = RETRY_SECONDS
            # While the database is away it goes on trying: that is how its return is noticed.
            while self._waiting or self._away_since is not None:
                tickets = self._take()
                try:
                    self._hand_out(tickets)
                except Exception as error:  # noqa: BLE001  # this thread outlives every failure
                    self._failed(tickets, error)
                    time.sleep(pause)
                    pause = min(2 * pause, RETRY_SECONDS_MOST)
                else:
                    self._succeeded()
                    pause = RETRY_SECONDS
            if self._closing:
                return

    def _take(self) -> list[_Ticket]:
        with self._lock:
            tickets = list(self._waiting)
            self._waiting.clear()
            return tickets

    def _hand_out(self, tickets: list[_Ticket]) -> None:
        self._asked_since = time.monotonic()
        try:
            grant = self._add(max(0, len(tickets) - len(self._spare)))
        finally:
            self._asked_since = None
        with self._lock:
            self._spare.extend(grant.numbers)
            first = last = None
            for ticket in tickets:
                if ticket.abandoned:
                    continue
                ticket.visit = Visit(self._spare.popleft(), grant.catalogue)
                if last is None:
                    first = ticket
                else:
                    last.behind = ticket
                last = ticket
        if first is not None:
            first.gate.release()

    def _failed(self, tickets: list[_Ticket], error: Exception) -> None:
        with self._lock:
            self._waiting.extendleft(ticket for ticket in reversed(tickets) if not ticket.abandoned)
            first = self._away_since is None
            self._away_reason = (
                error.reason
                if isinstance(error, DatabaseUnavailable)
                else "database refuses the app's statements"
            )
            if first:
                self._away_since = time.monotonic()
        self._on_error(error, first)

    def _succeeded(self) -> None:
        if self._away_since is not None:
            self._away_since = None
            self._on_back()
