"""A small web server to run on a cluster, for tests that are about the cluster.

It answers `/hostname` with the name of its pod, and is admitted by the restricted standard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.testbed.cluster.cluster import Cluster

RECIPE = """
FROM python:3.13-alpine
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
CMD ["python", "-u", "-m", "http.server", "8000", "--directory", "/etc"]
"""
# To be run in a pod, with an address; prints what is there.
ASK = (
    "python",
    "-c",
    "import sys, urllib.request as web; print(web.urlopen(sys.argv[1]).read().decode())",
)
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def push(cluster: Cluster, folder: Path) -> str:
    """Have the engine build the image and push it; its name with its digest."""
    (folder / "Dockerfile").write_text(RECIPE)
    name = f"{cluster.engine.registry}/team/web:1.0.0"
    cluster.run("docker", "build", "--tag", name, str(folder))
    cluster.run("docker", "push", name)
    (digest,) = json.loads(cluster.run("docker", "inspect", "-f", "{{json .RepoDigests}}", name))
    return str(digest)


def thing(version: str, kind: str, **metadata: Any) -> dict[str, Any]:
    """An object without its `spec`."""
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def pod_spec(image: str, **container: Any) -> dict[str, Any]:
    """The spec of a pod with one container, `web`, and more to say of the container."""
    web = {
        "name": "web",
        "image": image,
        "ports": [{"containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/hostname", "port": 8000}, "periodSeconds": 1},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [web | container],
    }


def deployment(name: str, pod: Mapping[str, Any], replicas: int, **metadata: Any) -> dict[str, Any]:
    """A Deployment of such pods, with the label `app` of that name."""
    labels = {"app": name}
    return thing("apps/v1", "Deployment", name=name, **metadata) | {
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
    }


def balanced(name: str, **metadata: Any) -> dict[str, Any]:
    """A service of the type LoadBalancer for the pods of a Deployment of that name."""
    return thing("v1", "Service", name=name, **metadata) | {
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": name},
            "ports": [{"port": 80, "targetPort": 8000}],
        }
    }


def claim(name: str, **metadata: Any) -> dict[str, Any]:
    """A claim for a volume."""
    return thing("v1", "PersistentVolumeClaim", name=name, **metadata) | {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    }


def with_volume(pod: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The pod with the volume of that claim at /data."""
    (container,) = pod["containers"]
    mounts = [{"name": "data", "mountPath": "/data"}]
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
    return {**pod, "volumes": volumes, "containers": [{**container, "volumeMounts": mounts}]}
