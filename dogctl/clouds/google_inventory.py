"""What there is in a project at Google that belongs to an environment, as its APIs list it.

The lists are documented at
https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters/list
https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances/list
https://cloud.google.com/compute/docs/reference/rest/v1/disks/aggregatedList
https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories/list
https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/list
https://cloud.google.com/storage/docs/json_api/v1/buckets/list
https://cloud.google.com/dns/docs/reference/rest/v1/managedZones/list
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from dogctl.clouds.google import Account, reason
from dogctl.errors import DogctlError

# What gcloud users set for another address of an API:
# https://cloud.google.com/sdk/gcloud/reference/topic/endpoint-override
ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_{}"
TIMEOUT = 15.0
TRIES = 3
_PASSING = (429, 500, 502, 503, 504)

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """One list of an API.

    Args:
        title: what its items are, for people.
        api: whose it is, as in API.googleapis.com; `override` is its name among the variables.
        path: where it is, without a host; `{}` is the project.
        items: the field with the items.
        labels: the fields that lead to an item's labels.
        places: whether the items are in a table by place.
    """

    title: str
    api: str
    override: str
    path: str
    items: str
    labels: tuple[str, ...] = ("labels",)
    places: bool = False

    def base(self, environ: Mapping[str, str]) -> str:
        """The address of the API, which may have been given with the beginning of the path."""
        given = environ.get(ENDPOINT.format(self.override), "").rstrip("/")
        prefix = "/" + self.path.partition("projects/")[0].strip("/")
        return given.removesuffix(prefix) or f"https://{self.api}.googleapis.com"


def _compute(title: str, collection: str) -> Kind:
    path = f"compute/v1/projects/{{}}/aggregated/{collection}"
    return Kind(title, "compute", "COMPUTE", path, collection, places=True)


KINDS = (
    Kind(
        "cluster",
        "container",
        "CONTAINER",
        "v1/projects/{}/locations/-/clusters",
        "clusters",
        ("resourceLabels",),
    ),
    Kind(
        "Cloud SQL instance",
        "sqladmin",
        "SQL",
        "v1/projects/{}/instances",
        "items",
        ("settings", "userLabels"),
    ),
    _compute("disk", "disks"),
    _compute("address", "addresses"),
    _compute("forwarding rule", "forwardingRules"),
    Kind(
        "repository of images",
        "artifactregistry",
        "ARTIFACTREGISTRY",
        "v1/projects/{}/locations/-/repositories",
        "repositories",
    ),
    Kind("secret", "secretmanager", "SECRETMANAGER", "v1/projects/{}/secrets", "secrets"),
    Kind("bucket", "storage", "STORAGE", "storage/v1/b?project={}", "items"),
    Kind("DNS zone", "dns", "DNS", "dns/v1/projects/{}/managedZones", "managedZones"),
)


@dataclass(frozen=True)
class Thing:
    """Something that is there."""

    title: str
    name: str

    def __str__(self) -> str:
        return f"{self.title} {self.name}"


@dataclass(frozen=True)
class Inventory:
    """What was found, and of which lists nobody knows."""

    found: tuple[Thing, ...]
    unknown: tuple[str, ...]


@dataclass
class Project:
    """One project; any thread may ask."""

    name: str
    account: Callable[[], Account]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def inventory(
        self, wanted: Sequence[Mapping[str, str]], kinds: Sequence[Kind] = KINDS
    ) -> Inventory:
        """All that has every one of some labels; `wanted` are the labels to choose from.

        A list that cannot be had is told among what is unknown. Raises DogctlError: no login.
        """
        self.account().token()  # once, and not by every thread
        with ThreadPoolExecutor(len(kinds)) as pool:
            lists = [*pool.map(lambda kind: self._matching(kind, wanted), kinds)]
        return Inventory(
            tuple(thing for found, _ in lists for thing in found),
            tuple(said for _, said in lists if said),
        )

    def _matching(
        self, kind: Kind, wanted: Sequence[Mapping[str, str]]
    ) -> tuple[list[Thing], str | None]:
        try:
            items = [*self._items(kind)]
        except DogctlError as error:
            return [], f"{kind.title}s: {error.message}"
        ours = [
            each
            for each in items
            if any(labels.items() <= _labels(kind, each).items() for labels in wanted)
        ]
        return [Thing(kind.title, each["name"].rpartition("/")[2]) for each in ours], None

    def _items(self, kind: Kind) -> Iterator[Json]:
        more = ""
        while True:
            page = self._page(kind, more)
            pages = (page.get("items") or {}).values() if kind.places else [page]
            for each in pages:
                yield from each.get(kind.items) or ()
            more = page.get("nextPageToken", "")
            if not more:
                return

    def _page(self, kind: Kind, more: str) -> Json:
        """One page; an API that the project does not use has nothing. Raises DogctlError."""
        import requests
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import AuthorizedSession

        url = f"{kind.base(self.environ)}/{kind.path.format(self.name)}"
        params = {"pageToken": more} if more else {}
        for left in reversed(range(TRIES)):
            try:
                with AuthorizedSession(self.account().credentials) as session:
                    answer = session.get(url, params=params, timeout=TIMEOUT)
            except (requests.RequestException, GoogleAuthError) as error:
                if not left:
                    raise _unknown(f"Google cannot be reached: {reason(error)}", url) from None
                continue
            if answer.status_code not in _PASSING or not left:
                return _read(answer.status_code, answer.content, url)
        raise AssertionError("the last try answers or raises")


def _read(status: int, content: bytes, url: str) -> Json:
    import json

    try:
        said: Any = json.loads(content or b"{}")
    except ValueError:
        said = {}
    if status == 200:
        return dict(said)
    error = said.get("error", {}) if isinstance(said, dict) else {}
    if status == 404 or (status == 403 and _is_disabled(error)):
        return {}
    raise _unknown(error.get("message") or f"Google answered {status}", url)


def _is_disabled(error: Json) -> bool:
    """https://cloud.google.com/apis/design/errors#error_info"""
    reasons = {each.get("reason") for each in (*error.get("details", ()), *error.get("errors", ()))}
    return bool(reasons & {"SERVICE_DISABLED", "accessNotConfigured"})


def _labels(kind: Kind, item: Json) -> Mapping[str, str]:
    found: Any = item
    for name in kind.labels:
        found = found.get(name) or {}
    return dict(found)


def _unknown(message: str, url: str) -> DogctlError:
    return DogctlError(message, code="cloud-unknown", where=url)
