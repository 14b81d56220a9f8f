"""Download a picture from a stranger's address, without becoming a way into the private network.

The check is made on the very address a socket is about to connect to, for the first request and
after every redirect: a name that resolves differently a moment later gains nothing.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from webapp.pictures import PictureError
from webapp.settings import Limits, Network

CONNECT_SECONDS = 5
READ_SECONDS = 10
REDIRECTS = 5
CHUNK_BYTES = 65536
USER_AGENT = "dogapp (fetches one picture on request)"
# Reserved or translated ranges that ipaddress counts as global, at least in Python 3.11:
# https://www.iana.org/assignments/iana-ipv6-special-registry/
EXTRA_NETWORKS = tuple(
    ip_network(text)
    for text in (
        "192.88.99.0/24",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
NAT64 = ip_network("64:ff9b::/96")


def is_private(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is anything but one host of the public internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_private(address.ipv4_mapped)
        if address in NAT64:
            return is_private(IPv4Address(int(address) & 0xFFFFFFFF))
    return (
        not address.is_global
        or address.is_multicast
        or address.is_reserved
        or any(address in network for network in EXTRA_NETWORKS)
    )


def fetch(url: str, limits: Limits, allowed: Sequence[Network] = ()) -> bytes:
    """The content behind an http or https URL.

    `allowed` networks may be reached although they are private. Raises PictureError with code
    `bad-url`, `private-address`, `too-large` or `unreachable`.
    """
    answer: list[bytes | Exception] = []

    def run() -> None:
        try:
            answer.append(_download(url, limits, allowed))
        except Exception as error:  # noqa: BLE001  # raised again below
            answer.append(error)

    # Name lookups and a server that sends a byte now and then respect no timeout but this one.
    thread = threading.Thread(target=run, name="fetch", daemon=True)
    thread.start()
    thread.join(limits.seconds)
    if not answer:
        raise PictureError("unreachable", f"{_place(url)} took over {limits.seconds:g} seconds.")
    if isinstance(answer[0], Exception):
        raise answer[0]
    return answer[0]


def _download(url: str, limits: Limits, allowed: Sequence[Network]) -> bytes:
    with requests.Session() as session:
        session.trust_env = False
        session.adapters.clear()
        session.mount("http://", _GuardedAdapter(allowed))
        session.mount("https://", _GuardedAdapter(allowed))
        try:
            for _ in range(REDIRECTS + 1):
                with _get(session, url) as response:
                    # Not left to requests, which would read the whole body of a redirect.
                    target = session.get_redirect_target(response)
                    if target is None:
                        return _read(response, limits)
                    url = urljoin(url, target)
        except (InvalidSchema, InvalidURL, MissingSchema):
            raise PictureError("bad-url", "This is no http:// or https:// address.") from None
        except (requests.RequestException, HTTPError) as error:
            cause = _cause(error)
            raise PictureError("unreachable", f"{_place(url)} cannot be read: {cause}.") from None
    raise PictureError("unreachable", f"{_place(url)} redirects more than {REDIRECTS} times.")


def _get(session: requests.Session, url: str) -> requests.Response:
    headers = {"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"}
    timeouts = (CONNECT_SECONDS, READ_SECONDS)
    return session.get(url, headers=headers, timeout=timeouts, stream=True, allow_redirects=False)


def _read(response: requests.Response, limits: Limits) -> bytes:
    if response.status_code != requests.codes.ok:
        problem = f"{_place(response.url)} answered with status {response.status_code}."
        raise PictureError("unreachable", problem)
    content = bytearray()
    # Not decoded: a compressed answer to "identity" is no picture.
    for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
        content += chunk
        if len(content) > limits.bytes:
            raise PictureError("too-large", f"The content has more than {limits.bytes:,} bytes.")
    return bytes(content)


def _place(url: str) -> str:
    """The host of a URL: its path and query may hold a secret."""
    return urlsplit(url).hostname or "the address"


def _cause(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return type(error).__name__ if not str(error) else str(error).rstrip(".")[:200]


class _GuardedAdapter(HTTPAdapter):
    """Connects to public addresses and allowed networks only."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        super().__init__(max_retries=0)

    def init_poolmanager(self, *_args: Any, **_kwargs: Any) -> None:
        """Have the pools make guarded connections."""
        allowed = self._allowed

        class Http(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, allowed)

        class Https(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, allowed)

        class HttpPool(HTTPConnectionPool):
            ConnectionCls = Http

        class HttpsPool(HTTPSConnectionPool):
            ConnectionCls = Https

        self.poolmanager = PoolManager(maxsize=1)
        self.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}


def _connect(connection: HTTPConnection, allowed: Sequence[Network]) -> socket.socket:
    """Resolve the host once, refuse it if any of its addresses is private, connect to one."""
    host = connection.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise PictureError("unreachable", f"There is no host named {host}.") from None
    for *_, place in found:
        address = ip_address(str(place[0]))
        mapped = getattr(address, "ipv4_mapped", None) or address
        if not any(mapped in network for network in allowed) and is_private(address):
            raise PictureError("private-address", f"{host} is a private address ({address}).")
    problem: OSError = OSError("no address")
    for family, kind, protocol, _, place in found:
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(CONNECT_SECONDS)
            link.connect(place)
        except OSError as error:
            link.close()
            problem = error
        else:
            link.settimeout(READ_SECONDS)
            return link
    raise PictureError("unreachable", f"{host} cannot be reached: {problem}.")
