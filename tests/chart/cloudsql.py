"""As much of Google as the Cloud SQL Auth Proxy needs: logins, the Admin API, and one instance.

For a service account's key there is a token. The Admin API then tells where the instance is, and
signs the proxy's certificate. With that the instance lets the proxy in, and passes on to a
database what was encrypted on the way.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509.oid import NameOID

PROJECT, REGION, NAME = "my-project", "europe-west1", "hello-world"
INSTANCE = f"{PROJECT}:{REGION}:{NAME}"
# Of every instance.
PORT = 3307


@dataclass
class Google:
    """Its addresses, its authority for certificates, and the paths that it was asked for."""

    address: str
    port: int = 0
    authority: trustme.CA = field(default_factory=trustme.CA)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The Admin API."""
        return f"http://{self.address}:{self.port}"

    def key(self) -> str:
        """A service account's key, as a file has it."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": f"sql-access@{PROJECT}.iam.gserviceaccount.com",
            "token_uri": f"{self.url}/token",
        }
        return json.dumps(account)

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        """What it says to a request."""
        self.asked.append(path)
        if path == "/token":
            return {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}
        if path.endswith("/connectSettings"):
            return {
                "backendType": "SECOND_GEN",
                "databaseVersion": "POSTGRES_17",
                "region": REGION,
                "ipAddresses": [{"type": "PRIMARY", "ipAddress": self.address}],
                "serverCaCert": {"cert": self.authority.cert_pem.bytes().decode()},
            }
        return {"ephemeralCert": {"cert": self.certify(json.loads(body)["public_key"])}}

    def certify(self, public_key: str) -> str:
        """A client's certificate for its key."""
        issuer = x509.load_pem_x509_certificate(self.authority.cert_pem.bytes())
        signer: Any = load_pem_private_key(self.authority.private_key_pem.bytes(), None)
        key: Any = load_pem_public_key(public_key.encode())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proxy")]))
            .issuer_name(issuer.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .sign(signer, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM).decode()

    def encryption(self) -> ssl.SSLContext:
        """The instance's: only who has a certificate comes in."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # The proxy looks at the common name.
        own = self.authority.issue_cert("sql.goog", common_name=f"{PROJECT}:{NAME}")
        own.configure_cert(context)
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


@contextmanager
def google(address: str, database: tuple[str, int]) -> Iterator[Google]:
    """While it lasts, Google is at this address, and its instance is this database."""
    found = Google(address)
    over, ready = Event(), Event()
    with ThreadingHTTPServer((address, 0), handler(found)) as server, ThreadPoolExecutor() as pool:
        found.port = server.server_port
        pool.submit(server.serve_forever)
        instance = pool.submit(asyncio.run, serve(found, database, ready, over))
        try:
            assert ready.wait(timeout=10)
            yield found
        finally:
            over.set()
            server.shutdown()
            instance.result()


def handler(google: Google) -> type[BaseHTTPRequestHandler]:
    """Answers requests for Google."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = json.dumps(google.answer(self.path.partition("?")[0], body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler


async def serve(google: Google, database: tuple[str, int], ready: Event, over: Event) -> None:
    """Be the instance until it is over."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*database)
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    server = await asyncio.start_server(connect, google.address, PORT, ssl=google.encryption())
    ready.set()
    await asyncio.to_thread(over.wait)
    server.close()


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, and the end of it."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
