"""Cloud SQL: an instance with a real database behind it, for the real Auth Proxy.

The Admin API says where the instance is and signs certificates for an hour; on port 3307 the
instance takes those who have one, and passes on what they say. As far as the proxy uses it:
https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1beta4/connect
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.testbed.cluster import addresses
from tests.testbed.google.answers import Answer
from tests.testbed.google.certificates import Authority
from tests.testbed.google.serving import LOCATION, PROJECT, Google

PORT = 3307
PATH = re.compile(r"/sql/v1beta4/projects/([^/]+)/instances/([^/:]+)(/connectSettings|:\w+)")
CHUNK = 1 << 16


@dataclass
class SqlInstance:
    """An instance; tests change it at will.

    `kind` is `MYSQL_8_4` or `POSTGRES_17`, `port` that of the database on loopback. `strangers`
    are accounts that may not connect. `signed` counts the certificates, `connections` those who
    came with one.
    """

    name: str
    kind: str
    port: int
    region: str = LOCATION
    strangers: set[str] = field(default_factory=set)
    signed: int = 0
    connections: int = 0
    server: Authority = field(default_factory=lambda: Authority("Google Cloud SQL Server CA"))
    clients: Authority = field(default_factory=lambda: Authority("Google Cloud SQL Client CA"))

    @property
    def connection_name(self) -> str:
        """What the proxy is told."""
        return f"{PROJECT}:{self.region}:{self.name}"

    def answer(self, path: str, caller: str, body: Any) -> Answer | None:
        """The answer of the Admin API; None if it is for another."""
        found = PATH.fullmatch(path)
        if found is None:
            return None
        project, name, verb = found.groups()
        if (project, name) != (PROJECT, self.name):
            return refused(404, "instanceDoesNotExist", "The Cloud SQL instance does not exist.")
        if caller in self.strangers:
            missing = f"Possibly missing permission cloudsql.instances.connect on {name}."
            words = f"boss::NOT_AUTHORIZED: Not authorized to access resource. {missing}"
            return refused(403, "notAuthorized", words)
        if verb == "/connectSettings":
            return 200, self.settings()
        self.signed += 1
        certificate = self.clients.sign(body["public_key"], caller)
        return 200, {"ephemeralCert": {"kind": "sql#sslCert", "cert": certificate}}

    def settings(self) -> dict[str, Any]:
        """Where it is, and by whom its own certificate is signed."""
        kinds = ("PRIMARY", "PRIVATE")
        return {
            "kind": "sql#connectSettings",
            "backendType": "SECOND_GEN",
            "databaseVersion": self.kind,
            "region": self.region,
            "ipAddresses": [{"type": kind, "ipAddress": addresses.NODE} for kind in kinds],
            "serverCaCert": {"kind": "sql#sslCert", "cert": self.server.certificate},
        }

    def context(self, folder: Path) -> ssl.SSLContext:
        """Its side of TLS: it is called `PROJECT:INSTANCE`, and wants to know who comes."""
        path = folder / "server.pem"
        path.write_text(self.server.issue(f"{PROJECT}:{self.name}"))
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cadata=self.clients.certificate
        )
        context.load_cert_chain(path)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Pass on what a client and the database say to each other."""
        self.connections += 1
        try:
            database, to_database = await asyncio.open_connection("127.0.0.1", self.port)
            await asyncio.gather(pass_on(client, to_database), pass_on(database, to_client))
        except OSError:
            pass
        finally:
            to_client.close()


def refused(code: int, reason: str, message: str) -> Answer:
    """An error of this API, which is older than the others."""
    error = {"message": message, "domain": "global", "reason": reason}
    return code, {"error": {"code": code, "message": message, "errors": [error]}}


async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Until the source ends; so does the target then."""
    try:
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    finally:
        target.close()


@contextmanager
def cloud_sql(google: Google, name: str, kind: str, port: int) -> Iterator[SqlInstance]:
    """An instance, with the database that listens on that port where this is called."""
    instance = SqlInstance(name, kind, port)
    with google.cluster.network():
        listener = socket.create_server(("0.0.0.0", PORT))
    with tempfile.TemporaryDirectory(prefix="dogctl-sql-") as folder:
        context = instance.context(Path(folder))
    loop = asyncio.new_event_loop()
    serving = asyncio.start_server(instance.serve, sock=listener, ssl=context)
    server = loop.run_until_complete(serving)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    google.apis.append(instance.answer)
    try:
        yield instance
    finally:
        google.apis.remove(instance.answer)
        asyncio.run_coroutine_threadsafe(end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def end(server: asyncio.Server) -> None:
    """Take no more, and leave those who are there."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
