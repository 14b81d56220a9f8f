"""Answers of Google's APIs that are errors: https://cloud.google.com/apis/design/errors"""

from __future__ import annotations

from typing import Any

Answer = tuple[int, Any]
TITLES = {
    "artifactregistry": "Artifact Registry API",
    "cloudresourcemanager": "Cloud Resource Manager API",
    "compute": "Compute Engine API",
    "container": "Kubernetes Engine API",
    "dns": "Cloud DNS API",
    "iam": "Identity and Access Management (IAM) API",
    "secretmanager": "Secret Manager API",
    "servicenetworking": "Service Networking API",
    "sqladmin": "Cloud SQL Admin API",
}


def error(code: int, status: str, message: str, reason: str = "", **metadata: str) -> Answer:
    """An error, with its reason if it has one that programs may go by."""
    details = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": metadata,
        }
    ]
    body = {"code": code, "message": message, "status": status}
    return code, {"error": body | ({"details": details} if reason else {})}


def unauthenticated() -> Answer:
    """No token, or one that is not good."""
    return error(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login"
        " cookie or other valid authentication credential.",
        "ACCESS_TOKEN_EXPIRED",
        service="container.googleapis.com",
    )


def denied(permission: str, resource: str) -> Answer:
    """A good token of somebody who may not."""
    message = f'Required "{permission}" permission(s) for "{resource}".'
    return error(403, "PERMISSION_DENIED", message)


def disabled(project: str, service: str = "container.googleapis.com") -> Answer:
    """An API that the project does not use."""
    title = TITLES.get(service.partition(".")[0], f"{service} API")
    page = f"https://console.developers.google.com/apis/api/{service}/overview?project={project}"
    return error(
        403,
        "PERMISSION_DENIED",
        f"{title} has not been used in project {project} before or it is disabled. Enable it by"
        f" visiting {page} then retry. If you enabled this API recently, wait a few minutes for"
        " the action to propagate to our systems and retry.",
        "SERVICE_DISABLED",
        consumer=f"projects/{project}",
        service=service,
    )


def not_found(resource: str) -> Answer:
    """Nothing of that name."""
    return error(404, "NOT_FOUND", f"Not found: {resource}.")


def too_many(project: str) -> Answer:
    """Too many requests in a minute."""
    return error(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' of"
        f" service 'container.googleapis.com' for consumer 'project_number:{project}'.",
        "RATE_LIMIT_EXCEEDED",
        consumer=f"projects/{project}",
        service="container.googleapis.com",
    )


def unavailable() -> Answer:
    """A bad moment."""
    return error(503, "UNAVAILABLE", "The service is currently unavailable.")
