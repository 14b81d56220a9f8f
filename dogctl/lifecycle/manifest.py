"""The objects of a manifest, as a chart renders them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dogctl.clouds.kubernetes_yaml import loader

Object = dict[str, Any]

# What tells the items of a list apart, where they are tables.
_ITEM_KEYS = ("name", "mountPath", "containerPort", "port", "ip", "key", "type")
# https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource
_POLICY = "helm.sh/resource-policy"


def objects(manifest: str) -> list[Object]:
    """The objects in it, lists taken apart."""
    import yaml

    documents = yaml.load_all(manifest, Loader=loader())
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


def named_items(items: list[Any]) -> dict[str, Any]:
    """The items of a list, by what they are called in the path of a field: `[web]`, `[0]`.

    Two of a name, such as a port for TCP and for UDP, are told apart by their order.
    """
    names = [_item_name(item, index) for index, item in enumerate(items)]
    nth = [names[:index].count(name) for index, name in enumerate(names)]
    return {
        f"[{name}{f'#{n}' if n else ''}]": item
        for name, n, item in zip(names, nth, items, strict=True)
    }


def _item_name(item: Any, index: int) -> str:
    if isinstance(item, Mapping):
        return next((str(item[name]) for name in _ITEM_KEYS if name in item), str(index))
    return str(index)


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
