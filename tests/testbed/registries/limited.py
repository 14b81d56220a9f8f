"""A registry of many small images that answers so many requests a second, and else asks to wait.

`python -m tests.testbed.registries.limited TAGS RATE` serves in a process of its own, so that it takes
no time from those who are measured. It speaks what a cleanup asks of a registry of the OCI's: listings,
manifests, blobs and deletes by digest. /stats tells how many requests it took and refused.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from tests.testbed.registries.content import MANIFEST, OCI, digest_of
from tests.testbed.services import serving

REPOSITORY = "team/many"
PAGE = 1000
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Bucket:
    """A second's worth of requests at most may be saved up; 0 a second stands for no limit."""

    rate: float
    taken: int = 0
    refused: int = 0
    began: float = 0.0
    _left: float = 0.0
    _at: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self._left = self.rate

    def take(self) -> int:
        """The seconds to wait; 0 if the request may pass."""
        now = monotonic()
        self._left = min(self.rate, self._left + (now - self._at) * self.rate)
        self._at = now
        if self.rate and self._left < 1:
            self.refused += 1
            return math.ceil((1 - self._left) / self.rate)
        self._left -= 1
        self.began = self.began or now
        self.taken += 1
        return 0


class Registry:
    """Images without layers, an hour apart, the last one the newest; each has one tag."""

    def __init__(self, tags: int, bucket: Bucket) -> None:
        self._bucket = bucket
        self._tags: dict[str, str] = {}
        self._manifests: dict[str, bytes] = {}
        self._blobs: dict[str, bytes] = {}
        newest = datetime.now(UTC) - timedelta(days=2)
        for number in range(tags):
            created = newest - timedelta(hours=tags - number)
            self._add(f"v{number:05d}", json.dumps({"created": created.isoformat()}).encode())

    def _add(self, tag: str, config: bytes) -> None:
        blob = {"mediaType": f"{OCI}.config.v1+json", "digest": digest_of(config)}
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": blob, "layers": []}
        content = json.dumps(body).encode()
        self._blobs[digest_of(config)] = config
        self._tags[tag] = digest_of(content)
        self._manifests[self._tags[tag]] = content

    def answer(self, method: str, target: str) -> Answer:
        """What there is to say to a request."""
        path, _, query = target.partition("?")
        if path == "/stats":
            return self._stats()
        if wait := self._bucket.take():
            return 429, {"Retry-After": str(wait)}, b""
        *_, kind, name = path.split("/")
        if kind == "tags":
            return self._list(dict(word.split("=") for word in query.split("&") if word))
        if kind == "blobs":
            return 200, {}, self._blobs[name]
        digest = self._tags.get(name, name)
        content = self._manifests.get(digest)
        if content is None:
            return 404, {}, b"{}"
        if method == "DELETE":
            del self._manifests[digest]
            self._tags = {tag: each for tag, each in self._tags.items() if each != digest}
            return 202, {}, b""
        return 200, {"Content-Type": MANIFEST, "Docker-Content-Digest": digest}, content

    def _list(self, asked: dict[str, str]) -> Answer:
        after, count = asked.get("last", ""), int(asked.get("n", PAGE))
        tags = sorted(tag for tag in self._tags if tag > after)
        body = json.dumps({"name": REPOSITORY, "tags": tags[:count]}).encode()
        more = (
            f"</v2/{REPOSITORY}/tags/list?last={tags[count - 1]}>; rel=next" if tags[count:] else ""
        )
        return 200, {"Link": more} if more else {}, body

    def _stats(self) -> Answer:
        bucket = self._bucket
        told = {"taken": bucket.taken, "refused": bucket.refused, "tags": len(self._tags)}
        return 200, {}, json.dumps(told).encode()


async def serve(registry: Registry) -> None:
    """Say on which port, then answer until the end of stdin's other side."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Who begins with TLS is no letter, and is to try without.
            while (first := await reader.readexactly(1)).isalpha():
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
                method, target, _ = head.split(" ", 2)
                status, headers, body = registry.answer(method, target)
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode())
                writer.write(body if method != "HEAD" else b"")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


@contextmanager
def limited(tags: int, rate: float) -> Iterator[str]:
    """Such a registry in another process, by its host:port."""
    with serving(__name__, tags, rate) as port:
        yield f"127.0.0.1:{port}"


def stats(host: str) -> dict[str, Any]:
    """What it has counted."""
    import requests

    found: dict[str, Any] = requests.get(f"http://{host}/stats", timeout=10).json()
    return found


if __name__ == "__main__":
    asyncio.run(serve(Registry(int(sys.argv[1]), Bucket(float(sys.argv[2])))))
