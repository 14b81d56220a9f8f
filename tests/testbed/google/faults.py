"""What goes wrong at Google on demand, in its own words.

https://cloud.google.com/apis/design/errors
https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-api-errors
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.testbed.google.answers import Answer, denied, disabled, unavailable

CUT: Answer = (0, None)  # no answer, and the connection is closed

__all__ = [
    "CUT",
    "Fault",
    "denied",
    "disabled",
    "exists",
    "gke_quota",
    "in_use",
    "operation_failed",
    "operation_slow",
    "quota",
    "refused",
    "unavailable",
]


@dataclass
class Fault:
    """The next `times` requests about resources of a type get this answer, after some seconds.

    `kind` is Terraform's (`google_container_cluster`), `verb` one of create, read, update and
    delete. Without an answer the request only takes longer. What fails to be created may be left
    there all the same, a cluster in a status such as ERROR or PROVISIONING.
    """

    kind: str
    verb: str
    answer: Answer | None = None
    times: int = 1
    seconds: float = 0.0
    leaves: str = ""


def refused(code: int, reason: str, message: str, **more: Any) -> Answer:
    """An error of an API that is older than the others."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return code, {"error": {"code": code, "message": message, "errors": errors, **more}}


def quota(metric: str = "NETWORKS", limit: float = 5.0, where: str = "globally") -> Answer:
    """Compute Engine's: `where` is `globally` or `in region europe-west1`."""
    return refused(403, "quotaExceeded", f"Quota '{metric}' exceeded.  Limit: {limit} {where}.")


def gke_quota(
    project: str, metric: str = "CPUS", wanted: str = "9.0", limit: str = "8.0"
) -> Answer:
    """Kubernetes Engine's, which counts before it asks for machines."""
    short = float(wanted) - float(limit)
    page = f"https://console.cloud.google.com/iam-admin/quotas?usage=USED&project={project}"
    message = (
        f'Insufficient regional quota to satisfy request: resource "{metric}": request requires'
        f" '{wanted}' and is short '{short}'. project has a quota of '{limit}' with '{limit}'"
        f" available. View and manage quotas at {page}."
    )
    return refused(403, "forbidden", message, status="PERMISSION_DENIED")


def exists(name: str) -> Answer:
    """Compute Engine's word for what is there already."""
    return refused(409, "alreadyExists", f"The resource '{name}' already exists")


def in_use(what: str, name: str, by: str) -> Answer:
    """Compute Engine's word for what others need; `what` is `network` or `subnetwork`."""
    message = f"The {what} resource '{name}' is already being used by '{by}'"
    return refused(400, "resourceInUseByAnotherResource", message)


def operation_failed(message: str) -> Answer:
    """An operation that began well and ended badly, as providers wait for them."""
    return 200, {"operation": {"status": "DONE", "error": message}}


def operation_slow(minutes: int = 40) -> Answer:
    """An operation that the provider has waited for as long as it does."""
    message = (
        "timeout while waiting for state to become 'DONE' (last state: 'RUNNING', timeout:"
        f" {minutes}m0s)"
    )
    return 200, {"operation": {"status": "RUNNING", "error": message}}
