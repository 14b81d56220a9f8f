"""What of the objects of a cluster is the release, and what of that is the app.

Pure: objects of the API in, or those of a manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dogctl.image import ImageRef
from dogctl.lifecycle.manifest import Object, containers, pod_template

if TYPE_CHECKING:
    from dogctl.config.model import Settings

# Helm writes these on all that it makes.
_RELEASE = "meta.helm.sh/release-name"
_NAMESPACE = "meta.helm.sh/release-namespace"
# https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
COMPONENT = "app.kubernetes.io/component"
VERSION = "app.kubernetes.io/version"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"

SERVING = ("Deployment", "StatefulSet", "DaemonSet")
_REACHED = ("LoadBalancer", "NodePort", "ClusterIP")


def of_release(items: Iterable[Object], release: str, namespace: str) -> list[Object]:
    """Those that Helm has made for the release."""
    return [item for item in items if _owner(item) == (release, namespace)]


def _owner(item: Object) -> tuple[Any, Any]:
    annotations = item["metadata"].get("annotations") or {}
    return annotations.get(_RELEASE), annotations.get(_NAMESPACE)


def app_workload(items: Sequence[Object], settings: Settings, release: str) -> Object | None:
    """The workload that is the app: by its component, else by its name, else the first."""
    found = sorted(
        (i for i in items if i["kind"] in SERVING), key=lambda i: SERVING.index(i["kind"])
    )
    for name in (settings.service, release, settings.name):
        if named := workload(found, name, release):
            return named
    return found[0] if found else None


def workload(items: Iterable[Object], name: str, release: str) -> Object | None:
    """The workload of that component, or with that name, the release's in front of it or not."""
    served = [item for item in items if item["kind"] in SERVING]
    by_component = (i for i in served if component(i) == name)
    by_name = (i for i in served if i["metadata"]["name"] in (name, f"{release}-{name}"))
    return next(by_component, None) or next(by_name, None)


def component(item: Object) -> str:
    """What it is of the release, for people."""
    labels = item["metadata"].get("labels") or {}
    return str(labels.get(COMPONENT) or item["metadata"]["name"])


def pods_of(item: Object, pods: Iterable[Object]) -> list[Object]:
    """The pods that a workload selects, those that are about to end too."""
    selector = item["spec"]["selector"]
    return [pod for pod in pods if selects(selector, pod["metadata"].get("labels") or {})]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"""
    exact = (selector.get("matchLabels") or {}).items() <= labels.items()
    return exact and all(_fits(each, labels) for each in selector.get("matchExpressions") or ())


def _fits(wanted: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = wanted["key"], wanted.get("values") or ()
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(wanted["operator"], False)


def service_of(
    item: Object, services: Iterable[Object], *, headless: bool = False
) -> Object | None:
    """The service before a workload's pods; of several the one that is reached from farthest.

    Args:
        headless: whether one without an address of its own will do, if there is no other.
    """
    labels = pod_template(item).get("metadata", {}).get("labels") or {}
    found = [
        each
        for each in services
        if each["spec"].get("selector")
        and (headless or each["spec"].get("clusterIP") != "None")
        and each["spec"]["selector"].items() <= labels.items()
    ]
    known = [each for each in found if each["spec"].get("type", "ClusterIP") in _REACHED]
    return min(known, key=_distance, default=None)


def _distance(service: Object) -> tuple[bool, int]:
    spec = service["spec"]
    return spec.get("clusterIP") == "None", _REACHED.index(spec.get("type", "ClusterIP"))


def main_container(template: Mapping[str, Any]) -> str:
    """The name of the container that a pod, or a template of one, is about."""
    annotations = template.get("metadata", {}).get("annotations") or {}
    return str(annotations.get(_DEFAULT_CONTAINER) or template["spec"]["containers"][0]["name"])


def app_image(item: Object) -> str:
    """The image of a workload's main container, as the manifest names it."""
    template = pod_template(item)
    main = main_container(template)
    return str(next(each["image"] for each in containers(template) if each["name"] == main))


def digest_of(image: str) -> str | None:
    """The digest in an image's name, or in its id on a node; None where there is none."""
    digest = image.rpartition("@")[2]
    return digest if "@" in image and ":" in digest else None


def version_of(item: Object) -> str | None:
    """The version that a workload says it is, or its image's tag."""
    labels = pod_template(item).get("metadata", {}).get("labels") or {}
    if version := labels.get(VERSION):
        return str(version)
    try:
        return ImageRef.parse(app_image(item)).tag
    except ValueError:
        return None
