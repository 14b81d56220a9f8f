"""The API of Google Kubernetes Engine, as far as it says where a cluster is.

https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.testbed.google.answers import Answer, denied, not_found

PLACE = re.compile(r"/v1/projects/([^/]+)/(?:locations|zones)/([^/]+)/clusters(?:/([^/]+))?")
ANYWHERE = "-"


@dataclass
class GkeCluster:
    """A cluster; tests change it at will.

    `endpoint` is an address that answers on port 443; `authority` is the certificate in PEM.
    """

    name: str
    location: str
    endpoint: str
    authority: bytes
    version: str
    status: str = "RUNNING"
    status_message: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    autopilot: bool = False
    network: str = "default"
    subnetwork: str = "default"

    @property
    def region(self) -> str:
        """Where it is, without the zone of one that is in a single zone."""
        return re.sub(r"-[a-z]$", "", self.location)

    def resource(self, project: str) -> dict[str, Any]:
        """As the API has it; one that is not finished has no address yet."""
        path = f"projects/{project}/locations/{self.location}/clusters/{self.name}"
        found: dict[str, Any] = {
            "name": self.name,
            "location": self.location,
            "zone": self.location,
            "status": self.status,
            "statusMessage": self.status_message,
            "selfLink": f"https://container.googleapis.com/v1/{path}",
            "initialClusterVersion": self.version,
            "currentMasterVersion": self.version,
            "currentNodeCount": 1,
            "createTime": "2026-01-01T00:00:00+00:00",
            "releaseChannel": {"channel": "REGULAR"},
            "workloadIdentityConfig": {"workloadPool": f"{project}.svc.id.goog"},
            "masterAuth": {},
            "resourceLabels": dict(self.labels),
            "autopilot": {"enabled": self.autopilot},
            "network": self.network,
            "subnetwork": self.subnetwork,
        }
        if self.status != "PROVISIONING":
            certificate = base64.b64encode(self.authority).decode()
            found |= {"endpoint": self.endpoint}
            found["masterAuth"] = {"clusterCaCertificate": certificate}
        return found


@dataclass
class Gke:
    """The clusters of a project. Accounts in `strangers` may not see them."""

    project: str
    clusters: list[GkeCluster] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)

    def answer(self, path: str, caller: str, _body: Any = None) -> Answer | None:
        """The answer to a GET; None if it is for another API."""
        found = PLACE.fullmatch(path)
        if found is None:
            return None
        project, location, name = found.groups()
        resource = path.removeprefix("/v1/")
        if caller in self.strangers or project != self.project:
            verb = "get" if name else "list"
            return denied(f"container.clusters.{verb}", resource)
        here = [known for known in self.clusters if location in (ANYWHERE, known.location)]
        if name is None:
            return 200, {"clusters": [known.resource(project) for known in here]}
        named = [known for known in here if known.name == name]
        return (200, named[0].resource(project)) if named else not_found(resource)
