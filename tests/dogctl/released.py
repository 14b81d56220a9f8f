"""A tiny app that is released to the test bed's cluster by Helm alone, and a project about it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.dogctl.conftest import Done, Project
from tests.testbed.cluster.cluster import Cluster

PYTHON = "python:3.13-alpine"
APP = """
import http.server, json, os, signal, sys

visits = 0

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global visits
        visits += self.path == "/"
        sick = self.path == "/ready" and os.path.exists("/tmp/sick")
        body = json.dumps({"visits": visits}) if self.path == "/api/visits" else os.uname().nodename
        self.send_response(503 if sick else 200)
        self.end_headers()
        self.wfile.write(body.encode())
        if self.path.startswith("/say"):
            print("said", self.path.partition("?")[2], flush=True)
        if self.path == "/crash":
            print("about to crash", flush=True)
            os._exit(7)

    def log_message(self, *_):
        pass

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("serving", flush=True)
http.server.ThreadingHTTPServer(("", int(os.environ["FLASK_PORT"])), Handler).serve_forever()
"""
RECIPE = f"""
FROM {PYTHON}
COPY app.py /app.py
USER 10001:10001
CMD ["python", "/app.py"]
"""
SETTINGS = """
[tool.dogctl]
name = "tiny"
health = "/ready"
checks = [{ path = "/", increases-by = 1, number = { path = "/api/visits", json = "visits" } }]

[tool.dogctl.env.qa]
target = "context"
context = "CONTEXT"
namespace = "tiny"

[tool.dogctl.env.empty]
target = "context"
context = "CONTEXT"
namespace = "elsewhere"

[tool.dogctl.env.wrong]
target = "context"
context = "CONTEXT"
namespace = "tiny"
pin = "00000000-0000-0000-0000-000000000000/0000000000000000"
"""
VALUES: Mapping[str, Any] = {
    "replicas": 2,
    "database": {"kind": "none"},
    "service": {"type": "LoadBalancer"},
    "shutdown": {"delaySeconds": 0, "gracePeriodSeconds": 1},
    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
}


def context(cluster: Cluster) -> str:
    """The name of the administrator's context."""
    return cluster.kubectl("config", "current-context").strip()


def image(cluster: Cluster, folder: Path) -> str:
    """The app's image as it was pushed, by its digest."""
    (folder / "app.py").write_text(APP)
    (folder / "Dockerfile").write_text(RECIPE)
    name = f"{cluster.engine.registry}/team/tiny:1.0.0"
    cluster.run("docker", "build", "--quiet", "--tag", name, str(folder))
    cluster.run("docker", "push", "--quiet", name)
    (digest,) = json.loads(cluster.run("docker", "inspect", "-f", "{{json .RepoDigests}}", name))
    return str(digest)


def release(cluster: Cluster, image: str, **values: Any) -> None:
    """Make a revision of the release, and wait until its pods are ready."""
    name, digest = image.split("@")
    given = {**VALUES, "image": {"repository": name, "digest": digest, "tag": "1.0.0"}, **values}
    words = ("helm", "upgrade", "--install", "tiny", str(REPOSITORY / "charts/dogapp"))
    where = ("--namespace=tiny", "--create-namespace", "--wait", "--values=-")
    cluster.run(*words, *where, stdin=json.dumps(given))


class Released(Project):
    """A project whose environment is on the test bed's cluster."""

    def __init__(self, root: Path, cluster: Cluster, kubeconfig: Path | None = None) -> None:
        super().__init__(root)
        self.cluster = cluster
        self.kubeconfig = kubeconfig or cluster.kubeconfig
        self.configure(SETTINGS.replace("CONTEXT", context(cluster)))

    def environ(self, **variables: str) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), **variables}

    def dogctl(self, *words: str, stdin: str | None = None, **variables: str) -> Done:
        with self.cluster.network():
            return super().dogctl(*words, stdin=stdin, **variables)

    @contextmanager
    def started(self, *words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
        """A dogctl that goes on; it is ended at the end."""
        with (
            self.cluster.network(),
            subprocess.Popen(
                self.argv(*words),
                cwd=self.root,
                env=self.environ(),
                text=True,
                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options},
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()
