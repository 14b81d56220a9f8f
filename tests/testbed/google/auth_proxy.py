"""The real Cloud SQL Auth Proxy, as a container beside an app."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.testbed.cluster.cluster import Cluster
from tests.testbed.google.serving import POD_URL

# As in Google's own: the user, and where the program is.
RECIPE = """
FROM scratch
COPY cloud-sql-proxy /cloud-sql-proxy
USER 65532:65532
ENTRYPOINT ["/cloud-sql-proxy"]
"""


def api(url: str) -> str:
    """The flag that leads to the stand-in of the Admin API."""
    return f"--sqladmin-api-endpoint={url}/"


def push_proxy(cluster: Cluster, folder: Path) -> str:
    """Have the engine build its image and push it; its name with its digest."""
    shutil.copy(cluster.parts["cloud-sql-proxy"], folder)
    (folder / "Dockerfile").write_text(RECIPE)
    name = f"{cluster.engine.registry}/cloud-sql-connectors/cloud-sql-proxy:2"
    cluster.run("docker", "build", "--tag", name, str(folder))
    cluster.run("docker", "push", name)
    (digest,) = json.loads(cluster.run("docker", "inspect", "-f", "{{json .RepoDigests}}", name))
    return str(digest)


def sidecar(image: str, *words: str, **container: Any) -> dict[str, Any]:
    """The proxy as a native sidecar: an init container that goes on, and is ready when it says so.

    The words are flags and the connection name of an instance.
    """
    health = ["--health-check", "--http-address=0.0.0.0", "--http-port=9801"]
    return {
        "name": "cloud-sql-proxy",
        "image": image,
        "restartPolicy": "Always",
        "args": [api(POD_URL), *health, *words],
        "startupProbe": {
            "httpGet": {"path": "/startup", "port": 9801},
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    } | container
