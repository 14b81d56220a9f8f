"""What Google's APIs list of the resources of a project, each as that API has it.

Where an API is at a host of its own, its path begins as it does there:
https://cloud.google.com/compute/docs/reference/rest/v1
https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances
https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories
https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets
https://cloud.google.com/storage/docs/json_api/v1/buckets
https://cloud.google.com/service-usage/docs/reference/rest/v1/services
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.testbed.google.answers import Answer, denied, disabled, not_found
from tests.testbed.google.kinds import COMPUTE, NUMBER, State
from tests.testbed.google.resources import Resources

Body = dict[str, Any]
# `labels.environment=dev`, `settings.userLabels.environment:"dev"`; more of them, and all hold.
CONDITION = re.compile(r'([\w.-]+)\s*[:=]\s*"?([\w.-]+)"?')


@dataclass(frozen=True)
class Listings:
    """The lists of a project."""

    resources: Resources

    def answer(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """The answer to a GET; None if it is for another API."""
        lists: list[tuple[str, str, Callable[..., Any]]] = [
            ("compute", r"/compute/v1/projects/([^/]+)/aggregated/(\w+)", self.aggregated),
            ("compute", r"/compute/v1/projects/([^/]+)/(global)/(\w+)", self.placed),
            (
                "compute",
                r"/compute/v1/projects/([^/]+)/((?:regions|zones)/[\w-]+)/(\w+)",
                self.placed,
            ),
            ("sqladmin", r"/(?:sql/)?v1(?:beta4)?/projects/([^/]+)/instances", self.instances),
            (
                "artifactregistry",
                r"/v1/projects/([^/]+)/locations/([\w-]+)/repositories",
                self.repositories,
            ),
            ("secretmanager", r"/v1/projects/([^/]+)/secrets", self.secrets),
            ("serviceusage", r"/v1/projects/([^/]+)/services", self.services),
            ("storage", r"/storage/v1/b", self.buckets),
        ]
        for api, pattern, listed in lists:
            if found := re.fullmatch(pattern, path):
                project, *words = found.groups() or (query.get("project", ""),)
                return self._refusal(api, project, path) or (
                    200,
                    listed(*words, query.get("filter", "")),
                )
        return None

    def aggregated(self, collection: str, wanted: str) -> Body:
        """Things of Compute Engine, by place."""
        items: dict[str, Body] = {}
        for place, each in self._compute(collection, wanted):
            items.setdefault(place, {collection: []})[collection].append(each)
        return {"kind": f"compute#{collection[:-1]}AggregatedList", "items": items}

    def placed(self, where: str, collection: str, wanted: str) -> Body:
        """Those of one place."""
        here = [each for place, each in self._compute(collection, wanted) if place == where]
        return {"kind": f"compute#{collection[:-1]}List", "items": here}

    def instances(self, wanted: str) -> Body:
        """Instances of Cloud SQL."""
        known = self.resources.all("google_sql_database_instance")
        return {"kind": "sql#instancesList", "items": matching(map(instance, known), wanted)}

    def repositories(self, location: str, _wanted: str) -> Body:
        """Repositories of Artifact Registry; `-` is every location."""
        return {
            "repositories": [
                {
                    "name": each["id"],
                    "format": each.get("format"),
                    "labels": labels(each),
                    "createTime": each["create_time"],
                }
                for each in self.resources.all("google_artifact_registry_repository")
                if location in ("-", each["location"])
            ]
        }

    def secrets(self, wanted: str) -> Body:
        """Secrets, without their values."""
        known = [
            {"name": each["name"], "labels": labels(each), "createTime": each["create_time"]}
            for each in self.resources.all("google_secret_manager_secret")
        ]
        return {"secrets": matching(known, wanted), "totalSize": len(known)}

    def services(self, _wanted: str) -> Body:
        """The APIs that the project uses."""
        names = sorted(f"{each}.googleapis.com" for each in self.resources.services)
        parent = f"projects/{NUMBER}"
        return {
            "services": [
                {
                    "name": f"{parent}/services/{name}",
                    "config": {"name": name},
                    "state": "ENABLED",
                    "parent": parent,
                }
                for name in names
            ]
        }

    def buckets(self, wanted: str) -> Body:
        """Buckets."""
        known = [
            {
                "kind": "storage#bucket",
                "id": each["name"],
                "name": each["name"],
                "location": each.get("location"),
                "labels": labels(each),
            }
            for each in self.resources.all("google_storage_bucket")
        ]
        return {"kind": "storage#buckets", "items": matching(known, wanted)}

    def _refusal(self, api: str, project: str, path: str) -> Answer | None:
        if project not in (self.resources.project, NUMBER):
            return denied(f"{api}.list", path)
        if api not in self.resources.services:
            return disabled(self.resources.project, f"{api}.googleapis.com")
        return None

    def _compute(self, collection: str, wanted: str) -> Iterator[tuple[str, Body]]:
        """Place and thing: `regions/europe-west1`, `zones/europe-west1-b` or `global`."""
        for identity, state in self.resources.in_compute().items():
            _, _, *place, of, _ = identity.split("/")
            if of == collection and (found := matching([thing(identity, state)], wanted)):
                yield "/".join(place), found[0]

    def delete(self, path: str) -> Answer | None:
        """The answer to a DELETE of what a controller has made and left behind; None for others."""
        identity = path.removeprefix("/compute/v1/")
        if identity == path:
            return None
        if self.resources.left.pop(identity, None) is None:
            return not_found(f"The resource '{identity}' was not found")
        return 200, {
            "kind": "compute#operation",
            "status": "DONE",
            "targetLink": COMPUTE + identity,
        }


def labels(state: State) -> Mapping[str, str]:
    """All labels of a resource, those of Terraform's provider among them."""
    return state.get("effective_labels") or state.get("labels") or {}


def thing(identity: str, state: State) -> Body:
    """A thing of Compute Engine."""
    network = {
        name: COMPUTE + state[name] if "/" in state[name] else state[name]
        for name in ("network", "subnetwork")
        if state.get(name)
    }
    said = {
        name: state[name] for name in ("address", "description", "IPAddress") if state.get(name)
    }
    return {
        "name": identity.rpartition("/")[2],
        "selfLink": COMPUTE + identity,
        "labels": labels(state),
        **network,
        **said,
    }


def instance(state: State) -> Body:
    """An instance of Cloud SQL."""
    settings = (state.get("settings") or [{}])[0]
    return {
        "kind": "sql#instance",
        "name": state["name"],
        "project": state["project"],
        "region": state.get("region"),
        "databaseVersion": state.get("database_version"),
        "connectionName": state["connection_name"],
        "state": "RUNNABLE",
        "settings": {
            "tier": settings.get("tier"),
            "userLabels": settings.get("user_labels") or {},
            "deletionProtectionEnabled": bool(settings.get("deletion_protection_enabled")),
        },
    }


def matching(bodies: Any, wanted: str) -> list[Body]:
    """Those of which all conditions of a filter hold."""
    conditions = CONDITION.findall(wanted)
    return [
        body
        for body in bodies
        if all(value_at(body, name.split(".")) == value for name, value in conditions)
    ]


def value_at(body: Any, names: list[str]) -> Any:
    """The value of a field of a field."""
    for name in names:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body
