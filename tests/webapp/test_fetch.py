from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.webapp.conftest import picture
from webapp.fetch import fetch, is_private
from webapp.pictures import PictureError
from webapp.settings import Limits

LOOPBACK = [ip_network("127.0.0.0/8")]
LIMITS = Limits(bytes=10_000, seconds=5)


def refused(url: str, limits: Limits = LIMITS, allowed: object = LOOPBACK) -> str:
    with pytest.raises(PictureError) as caught:
        fetch(url, limits, allowed)  # type: ignore[arg-type]
    return caught.value.code


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_private_addresses(address: str) -> None:
    assert is_private(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"],
)
def test_public_addresses(address: str) -> None:
    assert not is_private(ip_address(address))


def test_the_bytes_behind_a_url(httpserver: HTTPServer) -> None:
    content = picture()
    httpserver.expect_request("/dog").respond_with_data(content, content_type="text/plain")

    assert fetch(httpserver.url_for("/dog"), LIMITS, LOOPBACK) == content


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_refused(host: str, httpserver: HTTPServer) -> None:
    assert refused(f"http://{host}:{httpserver.port}/", allowed=[]) == "private-address"
    assert httpserver.log == []


def test_a_redirect_to_a_private_address_is_refused(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_response(
        Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
    )

    assert refused(httpserver.url_for("/")) == "private-address"


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1"]
)
def test_a_redirect_to_another_scheme_is_refused(httpserver: HTTPServer, target: str) -> None:
    httpserver.expect_request("/").respond_with_response(
        Response(status=301, headers={"Location": target})
    )

    assert refused(httpserver.url_for("/")) == "bad-url"


def test_redirects_are_followed_but_not_for_ever(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_response(
        Response(status=307, headers={"Location": "/b"})
    )
    httpserver.expect_request("/b").respond_with_data(b"there")
    httpserver.expect_request("/loop").respond_with_response(
        Response(status=302, headers={"Location": "/loop"})
    )

    assert fetch(httpserver.url_for("/a"), LIMITS, LOOPBACK) == b"there"
    assert refused(httpserver.url_for("/loop")) == "unreachable"


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Make names resolve to given addresses, one list per lookup; returns the names looked up."""
    real = socket.getaddrinfo

    def install(*answers: list[str]) -> list[str]:
        names: list[str] = []
        left = list(answers)

        def lookup(host: str, port: int, *_: object, **__: object) -> list[object]:
            names.append(str(host))
            addresses = left.pop(0) if left else ["127.0.0.1"]
            return [
                entry
                for address in addresses
                for entry in real(address, port, type=socket.SOCK_STREAM)
            ]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        return names

    return install


def test_a_name_that_leads_to_a_private_address_is_refused(
    resolve: Callable[..., list[str]],
) -> None:
    resolve(["10.0.0.7"])
    assert refused("http://dogs.example/x", allowed=[]) == "private-address"
    resolve(["1.1.1.1", "192.168.0.1"])
    assert refused("http://dogs.example/x", allowed=[]) == "private-address"
    for spelling in ("2130706433", "0x7f.1", "0"):
        resolve(["127.0.0.1"])  # as the C library reads them
        assert refused(f"http://{spelling}/", allowed=[]) == "private-address"
    resolve(["fd00::1"])
    assert refused("https://dogs.example/x", allowed=[]) == "private-address"


def test_a_name_is_looked_up_once_and_that_address_is_used(
    resolve: Callable[..., list[str]], httpserver: HTTPServer
) -> None:
    """A second, different answer (DNS rebinding) is never asked for."""
    httpserver.expect_request("/x").respond_with_data(b"first")
    names = resolve(["127.0.0.1"], ["10.0.0.1"])

    content = fetch(f"http://dogs.example:{httpserver.port}/x", LIMITS, LOOPBACK)

    assert content == b"first"
    assert names == ["dogs.example"]


def test_the_environment_has_no_say(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/x").respond_with_data(b"direct")
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert fetch(httpserver.url_for("/x"), LIMITS, LOOPBACK) == b"direct"


def test_too_many_bytes_are_not_read(httpserver: HTTPServer) -> None:
    sent = 0

    def endless(_: Request) -> Response:
        def chunks() -> object:
            nonlocal sent
            for _ in range(1000):
                sent += 10_000
                yield b"x" * 10_000

        return Response(chunks())  # type: ignore[arg-type]

    httpserver.expect_request("/big").respond_with_handler(endless)

    assert refused(httpserver.url_for("/big")) == "too-large"
    assert sent < 5_000_000


def test_a_compressed_answer_is_not_unpacked(httpserver: HTTPServer) -> None:
    import gzip

    bomb = gzip.compress(b"\0" * 5_000_000)
    httpserver.expect_request("/bomb").respond_with_response(
        Response(bomb, headers={"Content-Encoding": "gzip"})
    )

    assert fetch(httpserver.url_for("/bomb"), LIMITS, LOOPBACK) == bomb


@pytest.mark.parametrize("status", [404, 500, 204])
def test_a_status_other_than_200_is_refused(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/x").respond_with_data(b"", status=status)

    assert refused(httpserver.url_for("/x")) == "unreachable"


def test_a_server_that_sends_a_byte_now_and_then_is_given_up() -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            link, _ = listener.accept()
            with link:
                link.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stop.wait(0.05):
                    try:
                        link.sendall(b"X: y\r\n")
                    except OSError:
                        break

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        code = refused(f"http://127.0.0.1:{listener.getsockname()[1]}/", Limits(seconds=0.5))
        took = time.monotonic() - began
        stop.set()
        thread.join()

    assert code == "unreachable"
    assert took < 10


def test_nobody_there() -> None:
    with socket.socket() as silent:  # has the port, and does not listen
        silent.bind(("127.0.0.1", 0))
        assert refused(f"http://127.0.0.1:{silent.getsockname()[1]}/") == "unreachable"
    assert refused("http://") == "bad-url"
    assert refused("dog.gif") == "bad-url"
