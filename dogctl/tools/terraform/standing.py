"""What there is before a plan of Terraform's: the state, as the plan has it.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_CLUSTERS = frozenset({"google_container_cluster", "aws_eks_cluster"})


@dataclass(frozen=True)
class KnownCluster:
    """A cluster that is in the state: its name, where it is, and the address of its API."""

    name: str
    location: str | None
    endpoint: str | None


def protections(plan: Json) -> tuple[str, ...]:
    """The resources in the state before a plan that are protected, and by what."""
    return tuple(
        f"{each['address']}: {found}"
        for each in _managed(plan)
        if (found := switch(each.get("values") or {}))
    )


def clusters(plan: Json) -> tuple[KnownCluster, ...]:
    """The clusters of Kubernetes in the state before a plan."""
    return tuple(
        KnownCluster(values["name"], values.get("location"), values.get("endpoint"))
        for each in _managed(plan)
        if each["type"] in _CLUSTERS and (values := each.get("values") or {})
    )


def is_at_google(plan: Json) -> bool:
    """Whether there is anything of Google's in the state before a plan."""
    return any(each["type"].startswith("google_") for each in _managed(plan))


def _managed(plan: Json) -> list[Json]:
    values = (plan.get("prior_state") or {}).get("values") or {}
    root = values.get("root_module") or {}
    return [each for each in _resources(root) if each.get("mode") == "managed"]


def _resources(module: Json) -> Iterator[Json]:
    yield from module.get("resources") or ()
    for each in module.get("child_modules") or ():
        yield from _resources(each)


def switch(values: Json) -> str | None:
    """By which of its own switches a resource is protected."""
    for name in ("deletion_protection", "deletion_protection_enabled", "disable_api_termination"):
        if values.get(name) is True:
            return f"{name} = true"
    if values.get("deletion_policy") == "PREVENT":
        return 'deletion_policy = "PREVENT"'
    # Cloud SQL has a second one among its settings.
    inner = (each for each in values.get("settings") or () if isinstance(each, dict))
    if any(each.get("deletion_protection_enabled") is True for each in inner):
        return "settings.deletion_protection_enabled = true"
    return None
