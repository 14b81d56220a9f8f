"""One ledger for all worker processes, in the main process.

Workers that each committed for themselves would wait for each other's lock on the count, and their
commits for their own request threads. Here the visits of all workers go into one commit, made by a
process that does nothing else. Messages are packets on a Unix socket in a private folder.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from array import array
from contextlib import suppress
from pathlib import Path

from webapp.database import DatabaseError, DatabaseUnavailable
from webapp.ledger import Grant, Ledger

PACKET_BYTES = 65536
GATHER_SECONDS = 0.0005
BUSY_VISITS = 4
JOIN_SECONDS = 2.0
_WANTED = struct.Struct("=I")
_GRANTED = struct.Struct("=cq")
_GRANT, _AWAY, _ERROR = b"g", b"a", b"e"


class Hub:
    """Answers the workers, in a thread."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self._ledger = ledger
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen()
        self._stop, self._stopping = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="hub", daemon=True)

    def start(self) -> None:
        """Start answering."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._stopping, selectors.EVENT_READ)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and close every connection."""
        self._stop.close()
        self._thread.join(JOIN_SECONDS)
        if self._thread.is_alive():
            return  # a database that does not answer must not keep the server from ending
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # only sockets
        self._selector.close()
        self._ledger.close()

    def _run(self) -> None:
        busy = False
        while True:
            wanted: dict[socket.socket, int] = {}
            if not self._collect(wanted, None):
                return
            if not wanted:
                continue
            if busy:
                # Fewer, larger commits leave more of the processors to the pages.
                time.sleep(GATHER_SECONDS)
                self._collect(wanted, 0)
            busy = sum(wanted.values()) >= BUSY_VISITS
            self._answer(wanted)

    def _collect(self, wanted: dict[socket.socket, int], timeout: float | None) -> bool:
        """Read what workers want; False when the hub is to stop."""
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._stopping:
                return False
            if key.fileobj is self._listener:
                worker, _ = self._listener.accept()
                self._selector.register(worker, selectors.EVENT_READ)
            else:
                self._read(key.fileobj, wanted)  # type: ignore[arg-type]  # only sockets
        return True

    def _read(self, worker: socket.socket, wanted: dict[socket.socket, int]) -> None:
        try:
            packet = worker.recv(_WANTED.size)
        except OSError:
            packet = b""
        if packet:
            wanted[worker] = _WANTED.unpack(packet)[0]
        else:
            self._selector.unregister(worker)
            worker.close()

    def _answer(self, wanted: dict[socket.socket, int]) -> None:
        try:
            grant = self._ledger.add(sum(wanted.values()))
        except DatabaseUnavailable as error:
            self._refuse(wanted, _AWAY, error.reason, str(error))
        except Exception as error:  # noqa: BLE001  # the hub outlives every failure
            self._refuse(wanted, _ERROR, str(error), str(error))
        else:
            numbers = array("q", grant.numbers)
            for worker, share in wanted.items():
                mine, numbers = numbers[:share], numbers[share:]
                try:
                    worker.send(_GRANTED.pack(_GRANT, grant.catalogue) + mine.tobytes())
                except OSError:
                    self._ledger.give_back(mine)

    def _refuse(
        self, wanted: dict[socket.socket, int], kind: bytes, reason: str, detail: str
    ) -> None:
        packet = kind + f"{reason}\0{detail}".encode()[: PACKET_BYTES - 1]
        for worker in wanted:
            with suppress(OSError):
                worker.send(packet)


class HubLedger:
    """The hub's ledger, as a worker sees it. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Close the connection; `add` opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def add(self, wanted: int) -> Grant:
        """`Ledger.add`. Raises DatabaseError or DatabaseUnavailable."""
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                self._socket.connect(str(self._path))
            self._socket.send(_WANTED.pack(wanted))
            packet = self._socket.recv(PACKET_BYTES)
        except OSError as error:
            self.close()
            raise DatabaseUnavailable("the server is stopping", str(error)) from None
        kind = packet[:1]
        if kind == _GRANT:
            _, catalogue = _GRANTED.unpack_from(packet)
            numbers = array("q", packet[_GRANTED.size :])
            return Grant(numbers.tolist(), catalogue)
        reason, _, detail = packet[1:].decode(errors="replace").partition("\0")
        if kind == _AWAY:
            raise DatabaseUnavailable(reason, detail)
        raise DatabaseError(detail or "the server is stopping")
