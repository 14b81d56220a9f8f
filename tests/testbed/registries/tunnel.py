"""Hosts of the outside world on loopback: a proxy that a program is told of by its environment.

It speaks TLS with a certificate for each of them, of an authority that the program is told to
trust, and knows no other hosts.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import trustme

from tests.testbed.registries.serving import served

Hosts = Mapping[str, type[BaseHTTPRequestHandler]]


@contextmanager
def tunnel(hosts: Hosts) -> Iterator[dict[str, str]]:
    """What answers for each host; yields the variables that lead a program to them."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)

    class Handler(Tunnelling):
        """One for these hosts."""

        known = hosts
        tls = context

    with tempfile.TemporaryDirectory(prefix="dogctl-tunnel-") as folder:
        trusted = Path(folder) / "ca.pem"
        authority.cert_pem.write_to_path(trusted)
        with served(Handler, nullcontext) as host:
            names = ("HTTPS_PROXY", "https_proxy")
            proxies = dict.fromkeys(names, f"http://{host}")
            yield {**proxies, "REQUESTS_CA_BUNDLE": str(trusted)}


class Tunnelling(BaseHTTPRequestHandler):
    """Handles one connection to one host."""

    known: Hosts
    tls: ssl.SSLContext

    def do_CONNECT(self) -> None:
        """Be that host from here on."""
        name, _, port = self.path.rpartition(":")
        handler = self.known.get(name)
        self.close_connection = True
        if handler is None or port != "443":
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        try:
            with self.tls.wrap_socket(self.connection, server_side=True) as connection:
                handler(connection, self.client_address, self.server)
        except OSError:
            pass  # cut off

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
