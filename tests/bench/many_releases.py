"""The API of a cluster with many releases of Helm's, in a process of its own.

`python -m tests.bench.many_releases RELEASES REVISIONS` serves what a scan for images asks for.
Each revision has the chart that dogctl brings, as Helm keeps it, and names another image.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.conftest import REPOSITORY
from tests.testbed.registries.serving import Server
from tests.testbed.services import serving

IMAGE = "registry.example.com/team/app"
CHART = REPOSITORY / "charts/dogapp"


def chart() -> dict[str, Any]:
    """The chart's files, as Helm has them in every revision."""
    files = sorted(path for path in CHART.rglob("*") if path.is_file())
    templates = [
        {
            "name": str(path.relative_to(CHART)),
            "data": base64.b64encode(path.read_bytes()).decode(),
        }
        for path in files
    ]
    return {
        "metadata": {"name": "dogapp", "version": "1.0.0"},
        "templates": templates,
        "values": {},
    }


def manifest() -> str:
    """About as much text as the chart makes."""
    texts = [path.read_text() for path in sorted((CHART / "templates").glob("*.yaml"))]
    return "---\n".join(texts)


class Releases:
    """Revisions by their place in the list of all."""

    def __init__(self, releases: int, revisions: int) -> None:
        self._revisions = revisions
        self.total = releases * revisions
        self._chart = chart()
        self._manifest = manifest()

    def secret(self, at: int) -> dict[str, Any]:
        """The Secret of one revision."""
        release, revision = divmod(at, self._revisions)
        name, version = f"app{release}", str(revision + 1)
        digest = f"sha256:{sha256(str(at).encode()).hexdigest()}"
        document = {
            "name": name,
            "chart": self._chart,
            "config": {"image": {"repository": IMAGE, "tag": f"v{at}", "digest": digest}},
            "manifest": f"{self._manifest}\nimage: {IMAGE}:v{at}@{digest}\n",
            "hooks": [],
            "version": revision + 1,
        }
        packed = base64.b64encode(gzip.compress(json.dumps(document).encode(), 1))
        return {
            "metadata": {
                "name": f"sh.helm.release.v1.{name}.v{version}",
                "namespace": name,
                "labels": {"owner": "helm", "name": name, "version": version},
            },
            "type": "helm.sh/release.v1",
            "data": {"release": base64.b64encode(packed).decode()},
        }


class Handler(BaseHTTPRequestHandler):
    """Pages of Secrets, and nothing of any other kind."""

    protocol_version = "HTTP/1.1"
    releases: Releases

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        items: list[dict[str, Any]] = []
        more = ""
        if parts.path.endswith("/secrets"):
            first, count = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
            last = min(first + count, self.releases.total)
            items = [self.releases.secret(at) for at in range(first, last)]
            more = str(last) if last < self.releases.total else ""
        self._say({"metadata": {"continue": more}, "items": items})

    def do_POST(self) -> None:
        """Everything is allowed."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say({"status": {"allowed": True}})

    def _say(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def many_releases(releases: int, revisions: int) -> Iterator[str]:
    """Such a cluster, by its URL."""
    with serving(__name__, releases, revisions) as port:
        yield f"http://127.0.0.1:{port}"


def main() -> None:
    """Serve until it is ended."""
    Handler.releases = Releases(*map(int, sys.argv[1:]))
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
