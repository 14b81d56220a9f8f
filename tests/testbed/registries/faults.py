"""A proxy before a registry that fails when it is told to, and otherwise passes everything on."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock

from tests.testbed.registries.serving import Network, served

CHUNK = 64 * 1024
# Of this connection only, or made anew by what sends the rest (RFC 9110, 7.6.1).
HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"}


@dataclass
class Fault:
    """What happens to the next `times` requests that match.

    `cut_after`: bytes of a request's body after which the connection drops; None: an answer with
    `status`, `headers` and `body` instead. A drop can also be `late`: the registry does what it
    was asked, and its answer is lost. A request that is `held` gets no answer before that is set.
    The first `spared` requests pass.
    """

    times: int
    method: str
    path: str
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_after: int | None = None
    late: bool = False
    held: Event | None = None
    spared: int = 0
    came: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Exchange:
    """A request that came, and the status it got; 0 where the connection was dropped."""

    method: str
    path: str
    status: int


class FaultyProxy:
    """The faults to come and the requests that were; any thread may use it.

    `handler` handles connections that come in another way than to its `host`.
    """

    def __init__(self) -> None:
        self.host = ""
        self.handler: type[BaseHTTPRequestHandler] = Passing
        self.seen: list[Exchange] = []
        self._faults: list[Fault] = []
        self._lock = Lock()

    def fail(
        self,
        times: int = 1,
        *,
        method: str = ".*",
        path: str = ".*",
        status: int = 500,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """Answer the next requests like this; `method` and `path` are regular expressions."""
        self._add(Fault(times, method, path, status, headers or {}, body))

    def cut(
        self,
        times: int = 1,
        *,
        method: str = ".*",
        path: str = ".*",
        after: int = 0,
        late: bool = False,
    ) -> None:
        """Drop the connection after so many bytes of the body, or `late`, after the work."""
        self._add(Fault(times, method, path, cut_after=after, late=late))

    @contextmanager
    def hold(self, *, method: str = ".*", path: str = ".*", spared: int = 0) -> Iterator[Event]:
        """Answer no such request before the end; the event tells that one has come."""
        fault = Fault(1000, method, path, held=Event(), spared=spared)
        assert fault.held is not None
        self._add(fault)
        try:
            yield fault.came
        finally:
            fault.times = 0
            fault.held.set()

    def count(self, method: str, path: str = ".*", status: int | None = None) -> int:
        """How many such requests came."""
        return sum(
            bool(
                re.fullmatch(method, one.method)
                and re.fullmatch(path, one.path)
                and status in (None, one.status)
            )
            for one in list(self.seen)
        )

    def saw(self, exchange: Exchange) -> None:
        """Remember it."""
        with self._lock:
            self.seen.append(exchange)

    def next_fault(self, method: str, path: str) -> Fault | None:
        """The fault of this request, which is then used up."""
        with self._lock:
            for fault in self._faults:
                matches = re.fullmatch(fault.method, method) and re.fullmatch(fault.path, path)
                if not fault.times or not matches:
                    continue
                if not fault.spared:
                    fault.times -= 1
                    return fault
                fault.spared -= 1
        return None

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)


@contextmanager
def faulty(target: str, network: Network = nullcontext) -> Iterator[FaultyProxy]:
    """A proxy before host:port `target`, over HTTP; its own host:port is its `host`."""
    proxy = FaultyProxy()

    class Handler(Passing):
        """One for this proxy."""

        faults = proxy
        upstream = target

    proxy.handler = Handler
    with served(Handler, network) as proxy.host:
        yield proxy


class Passing(BaseHTTPRequestHandler):
    """Handles one connection."""

    faults: FaultyProxy
    upstream: str
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        """Fail, or pass on."""
        fault = self.faults.next_fault(self.command, self.path.partition("?")[0])
        if fault is not None and fault.held:
            fault.came.set()
            fault.held.wait()
            self.pass_on(lost=False)
        elif fault is None or fault.late:
            self.pass_on(lost=fault is not None)
        elif fault.cut_after is not None:
            self.pass_part(fault.cut_after)
        else:
            for _ in self.body():
                pass  # a server that answers before it has read all breaks the connection
            self.answer(fault.status, fault.headers.items(), fault.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def pass_on(self, *, lost: bool) -> None:
        """Send the request on, and its answer back, unless that is `lost`."""
        connection = HTTPConnection(self.upstream, timeout=60)
        try:
            self.send_on(connection, self.body())
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if lost:
            self.drop()
        else:
            self.answer(answer.status, answer.getheaders(), content)

    def pass_part(self, size: int) -> None:
        """Send a part of the body on, then drop both connections."""
        connection = HTTPConnection(self.upstream, timeout=60)
        try:
            self.send_on(connection, first(self.body(), size), whole=False)
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        self.drop()

    def send_on(
        self, connection: HTTPConnection, body: Iterable[bytes], *, whole: bool = True
    ) -> None:
        """Send the request; one that is not `whole` stays without an end."""
        length = self.headers.get("Content-Length")
        chunked = length is None and "Transfer-Encoding" in self.headers
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in kept(self.headers):
            connection.putheader(name, value)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for data in body:
            connection.send(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
        if chunked and whole:
            connection.send(b"0\r\n\r\n")

    def body(self) -> Iterator[bytes]:
        """What the client sends, in pieces."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (data := self.rfile.read(min(left, CHUNK))):
            left -= len(data)
            yield data

    def answer(self, status: int, headers: Iterable[tuple[str, str]], content: bytes) -> None:
        """Answer the client."""
        self.saw(status)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP | {"content-length"} or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD" and status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if self.command != "HEAD" else b"")

    def drop(self) -> None:
        """Cut the client off."""
        self.saw(0)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def saw(self, status: int) -> None:
        """Remember the request, before the client can know that it is done."""
        self.faults.saw(Exchange(self.command, self.path.partition("?")[0], status))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def kept(headers: HTTPMessage) -> Iterator[tuple[str, str]]:
    """The headers to pass on, Host included: the registry makes addresses of it."""
    return ((name, value) for name, value in headers.items() if name.lower() not in HOP)


def first(body: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The first bytes of a body."""
    for data in body:
        yield data[:size]
        size -= len(data)
        if size <= 0:
            return
