"""Drift: where what runs is not what the release says.

Pure. What the cluster adds, such as defaults, is none: only what the manifest names is compared.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from dogctl.clouds.kubernetes import MANAGER
from dogctl.lifecycle.manifest import Object, containers, key, named_items, pod_template, title
from dogctl.lifecycle.release_parts import SERVING, digest_of, pods_of

_HIDDEN = "***"
_LONGEST = 60
_IDENTITY = ("apiVersion", "kind", "status")
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}


@dataclass(frozen=True)
class Drift:
    """One difference: what is, and what the release says it should be; None where there is nothing."""

    object: str
    path: str
    found: Any
    released: Any

    def __str__(self) -> str:
        if self.path == "":
            return f"{self.object} is gone"
        return f"{self.object}: {self.path} is {_shown(self.found)}, not {_shown(self.released)}"

    def data(self) -> dict[str, Any]:
        """For programs, and in words."""
        return {**asdict(self), "text": str(self)}


def find_drift(
    manifest: Iterable[Object],
    live: Mapping[tuple[str, str, str], Object | None],
    pods: Sequence[Object],
    autoscalers: Iterable[Object] = (),
) -> list[Drift]:
    """All differences between a release and the cluster.

    Args:
        manifest: the objects of the release.
        live: the same as they are, by `manifest.key`; None for what is gone. Those left out could
            not be looked at.
        pods: all pods of the namespace.
        autoscalers: those that decide on replicas.
    """
    scaled = {(t["kind"], t["name"]) for t in (a["spec"]["scaleTargetRef"] for a in autoscalers)}
    found: list[Drift] = []
    for item in manifest:
        if key(item) not in live:
            continue
        there = live[key(item)]
        if there is None:
            found.append(Drift(title(item), "", None, None))
            continue
        found += _changes(item, there, scaled=(item["kind"], item["metadata"]["name"]) in scaled)
        if item["kind"] in SERVING:
            found += _running(item, pods_of(there, pods))
    return found


def _changes(item: Object, there: Object, *, scaled: bool) -> Iterator[Drift]:
    is_secret = item["kind"] == "Secret"
    ours = _set_by_us(there)
    for path, found, released in _differences(_comparable(item), there, ""):
        if (scaled and path == "spec.replicas") or path in ours:
            continue
        if is_secret and path.startswith("data"):
            found, released = (None if v is None else _HIDDEN for v in (found, released))
        yield Drift(title(item), path, found, released)


def _set_by_us(there: Object) -> set[str]:
    """The keys of a Secret or ConfigMap that dogctl itself has written: secrets are no values.

    https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
    """
    return {
        f"data.{name.removeprefix('f:')}"
        for entry in there["metadata"].get("managedFields") or ()
        if entry["manager"].startswith(MANAGER)
        for name in entry.get("fieldsV1", {}).get("f:data", {})
    }


def _comparable(item: Object) -> Object:
    kept = {name: value for name, value in item.items() if name not in _IDENTITY}
    plain = kept.pop("stringData", None) if item["kind"] == "Secret" else None
    if plain:
        data = {name: base64.b64encode(str(v).encode()).decode() for name, v in plain.items()}
        kept["data"] = {**(kept.get("data") or {}), **data}
    return kept


def _differences(released: Any, found: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Path, what is, what should be. Nothing and an empty table are the same to the API."""
    if isinstance(released, Mapping | list):
        parts, others = _parts(released), _parts(found)
        for at, value in parts.items():
            if value not in (None, {}, []):
                yield from _differences(value, others.get(at), f"{path}{at}".lstrip("."))
        # Tables may be added, such as a container by a service mesh; a longer list of words differs.
        if isinstance(released, list) and not any(isinstance(o, Mapping) for o in others.values()):
            for at in sorted(others.keys() - parts.keys()):
                yield f"{path}{at}", others[at], None
    elif not _equal(released, found):
        yield path, found, released


def _parts(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {f".{name}": item for name, item in value.items()}
    return named_items(value) if isinstance(value, list) else {}


def _equal(released: Any, found: Any) -> bool:
    if released == found or (found is None and released in (False, 0, "")):
        return True
    if isinstance(released, bool) or isinstance(found, bool):
        return False
    one, other = _quantity(released), _quantity(found)
    return one is not None and one == other


def _quantity(value: Any) -> Decimal | None:
    match = _QUANTITY.fullmatch(str(value))
    return Decimal(match[1]) * _FACTORS[match[2] or ""] if match else None


def _running(item: Object, pods: Iterable[Object]) -> Iterator[Drift]:
    """Pods whose containers run another image than the release's digest."""
    wanted = {each["name"]: digest_of(each["image"]) for each in containers(pod_template(item))}
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"]:
            continue  # it is on its way out, as it is to be
        status = pod.get("status", {})
        for each in (
            *status.get("initContainerStatuses", ()),
            *status.get("containerStatuses", ()),
        ):
            digest, released = digest_of(each.get("imageID", "")), wanted.get(each["name"])
            if digest and released and digest != released:
                name = f"Pod/{pod['metadata']['name']}"
                yield Drift(name, f"image of {each['name']}", digest, released)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST or "sha256:" in text else f"{text[: _LONGEST - 3]}..."
