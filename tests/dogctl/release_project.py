"""A project that is released to the test bed's cluster by dogctl, and images to release."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from dogctl.image import Digest, ImageRef
from tests.dogctl.engine_project import EngineProject
from tests.testbed.cluster.cluster import Cluster

PYTHON = "python:3.13-alpine"
# What it does is part of the image, so that each behaviour is a release of its own.
APP = """
import http.server, os, signal, sys, time

behaviour = os.environ["BEHAVIOUR"]
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("this is", behaviour, "with", os.environ.get("DB_SECRET"), flush=True)
if behaviour == "crash":
    print("cannot find the dog", flush=True)
    sys.exit(3)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if behaviour == "sick" and self.path == "/ready" else 200)
        self.end_headers()
        self.wfile.write(behaviour.encode())

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("", 5000), Handler).serve_forever()
"""
RECIPE = f"""
FROM {PYTHON}
COPY app.py /app.py
USER 10001:10001
ARG BEHAVIOUR
ENV BEHAVIOUR=$BEHAVIOUR
CMD ["python", "/app.py"]
"""
VALUES = {
    "replicas": 2,
    "database": {"kind": "none"},
    "service": {"type": "ClusterIP"},
    "shutdown": {"delaySeconds": 0, "gracePeriodSeconds": 1},
    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
    "probes": {
        "liveness": {"path": "/healthz"},
        "readiness": {"path": "/healthz", "initialDelaySeconds": 0, "periodSeconds": 1},
    },
}
SETTINGS = """
[tool.dogctl]
name = "NAME"
docker-repo = "REGISTRY/team/tiny"
health = "/ready"
release-timeout = 90
values = ["values.yaml"]

[tool.dogctl.env.dev]
target = "context"
context = "CONTEXT"

[tool.dogctl.env.prod]
target = "context"
context = "CONTEXT"
protected = true
"""


def context(cluster: Cluster) -> str:
    """The name of the administrator's context."""
    return cluster.kubectl("config", "current-context").strip()


def build(cluster: Cluster, folder: Path, behaviour: str) -> ImageRef:
    """An image of that behaviour, in the cluster's registry."""
    (folder / "app.py").write_text(APP)
    (folder / "Dockerfile").write_text(RECIPE)
    name = f"{cluster.engine.registry}/team/tiny:{behaviour}"
    argument = f"--build-arg=BEHAVIOUR={behaviour.rpartition('-')[0] or behaviour}"
    cluster.run("docker", "build", "--quiet", argument, "--tag", name, str(folder))
    cluster.run("docker", "push", "--quiet", name)
    (digest,) = json.loads(cluster.run("docker", "inspect", "-f", "{{json .RepoDigests}}", name))
    return ImageRef.parse(name).pinned(Digest.parse(digest.partition("@")[2]))


class ReleaseProject(EngineProject):
    """A project with the environments dev and prod, in a namespace of its own."""

    def __init__(self, root: Path, cluster: Cluster, name: str) -> None:
        super().__init__(root, cluster.engine)
        self.cluster = cluster
        self.name = name
        settings = SETTINGS.replace("NAME", name).replace("CONTEXT", context(cluster))
        self.configure(settings.replace("REGISTRY", str(cluster.engine.registry)))
        self.values(VALUES)

    def values(self, values: Mapping[str, object]) -> None:
        (self.root / "values.yaml").write_text(yaml.safe_dump(dict(values)))

    def environ(self, **variables: str) -> dict[str, str]:
        return super().environ(**{**self.cluster.environ, **variables})

    def kubectl(self, *words: str) -> str:
        return self.cluster.kubectl("--namespace", self.name, *words)

    def helm(self, *words: str) -> str:
        return self.cluster.run("helm", "--namespace", self.name, *words)

    def revisions(self) -> list[tuple[int, str]]:
        """Number and status of every revision that Helm knows."""
        found = json.loads(self.helm("history", self.name, "--output=json"))
        return [(each["revision"], each["status"]) for each in found]
