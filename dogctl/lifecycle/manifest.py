"""The objects of a manifest, as a chart renders them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]

# https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource
_POLICY = "helm.sh/resource-policy"


def objects(manifest: str) -> list[Object]:
    """The objects in it, lists taken apart."""
    import yaml

    documents = yaml.load_all(manifest, Loader=yaml.CSafeLoader)
    return [each for document in documents if document for each in _apart(document)]


def _apart(document: Object) -> Iterator[Object]:
    if str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _apart(item)
    else:
        yield document


def key(item: Mapping[str, Any]) -> tuple[str, str, str]:
    """What tells one object from another: kind, namespace and name."""
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace") or "", metadata["name"]


def title(item: Mapping[str, Any]) -> str:
    """What people call it: Deployment/web."""
    return f"{item['kind']}/{item['metadata']['name']}"


def is_kept(item: Mapping[str, Any]) -> bool:
    """Whether Helm leaves it in the cluster when it leaves the release."""
    annotations = item["metadata"].get("annotations") or {}
    return str(annotations.get(_POLICY, "")).strip() == "keep"


def pod_template(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """What its pods are made from; empty for what has none."""
    spec = item.get("spec") or {}
    if item["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template = spec.get("template") if isinstance(spec, Mapping) else None
    return template if isinstance(template, Mapping) else {}


def containers(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All containers of a pod or its template, those that come before the others too."""
    spec = template.get("spec") or {}
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
