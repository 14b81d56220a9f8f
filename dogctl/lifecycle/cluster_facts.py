"""What the objects of a release say, as data: pods, workloads, autoscalers, budgets, events.

Pure: objects of the API in, JSON types out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dogctl.lifecycle.manifest import Object, title
from dogctl.lifecycle.release_parts import (
    app_image,
    component,
    digest_of,
    main_container,
    pods_of,
)
from dogctl.lifecycle.rollout import is_ready, progress

Data = dict[str, Any]

# Beyond this, nobody reads on.
EVENTS = 8
_LONGEST = 300


def workload_data(item: Object, replica_sets: Sequence[Object], pods: Sequence[Object]) -> Data:
    """A workload: how many of its pods there are to be, how many are ready, and what it waits for."""
    uid = item["metadata"]["uid"]
    owned = [each for each in replica_sets if uid in _owners(each)]
    found = progress(item, owned, pods)
    image = app_image(item)
    return {
        "name": title(item),
        "component": component(item),
        "ready": item["status"].get("readyReplicas", item["status"].get("numberReady", 0)),
        "wanted": found.wanted,
        "done": found.done,
        "waits": None if found.done else found.waits,
        "causes": [asdict(cause) for cause in found.causes],
        "image": image,
        "digest": digest_of(image),
    }


def _owners(item: Object) -> set[str]:
    return {owner["uid"] for owner in item["metadata"].get("ownerReferences") or ()}


def pods_data(workloads: Iterable[Object], pods: Sequence[Object]) -> list[Data]:
    """The pods of the workloads, in their order."""
    return [
        {"component": component(item), **pod_data(pod)}
        for item in workloads
        for pod in sorted(pods_of(item, pods), key=lambda pod: pod["metadata"]["name"])
    ]


def pod_data(pod: Object) -> Data:
    """A pod, and why it is not ready."""
    status = pod.get("status", {})
    main = main_container(pod)
    found = list(_statuses(pod))
    running = next((each for each in found if each["name"] == main), {})
    regular = status.get("containerStatuses", ())
    return {
        "name": pod["metadata"]["name"],
        "node": pod["spec"].get("nodeName"),
        "phase": status.get("phase"),
        "ready": is_ready(pod),
        "containers_ready": sum(bool(each.get("ready")) for each in regular),
        "containers": len(pod["spec"]["containers"]),
        "restarts": sum(each.get("restartCount", 0) for each in found),
        "created": pod["metadata"]["creationTimestamp"],
        "ending": "deletionTimestamp" in pod["metadata"],
        "digest": digest_of(running.get("imageID", "")),
        "problem": problem(pod),
    }


def _statuses(pod: Object) -> Iterator[Mapping[str, Any]]:
    status = pod.get("status", {})
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def problem(pod: Object) -> str | None:
    """Why a pod is not ready, in words; None if it is."""
    if "deletionTimestamp" in pod["metadata"]:
        return "is ending"
    if is_ready(pod):
        return None
    status = pod.get("status", {})
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"has no node: {_short(condition.get('message', ''))}"
    if status.get("phase") == "Failed" and status.get("reason"):
        return f"{status['reason']}: {_short(status.get('message', ''))}"
    found = (_container_problem(each) for each in _statuses(pod))
    return next((each for each in found if each), "is about to start")


def _container_problem(container: Mapping[str, Any]) -> str | None:
    """https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states"""
    state, name = container.get("state") or {}, container["name"]
    waiting, ended = state.get("waiting"), state.get("terminated")
    before = (container.get("lastState") or {}).get("terminated")
    if waiting:
        reason = waiting.get("reason") or "waits"
        said = _ended(before) if before else _short(waiting.get("message", ""))
        return f"{name}: {reason}" + (f": {said}" if said else "")
    if ended:
        done = ended.get("exitCode") == 0 and container.get("ready")
        return None if done else f"{name}: {_ended(ended)}"
    if container.get("ready"):
        return None
    after = f" after it {_ended(before)}" if before else ""
    return f"{name}: runs, and is not ready{after}"


def _ended(state: Mapping[str, Any]) -> str:
    reason = state.get("reason")
    why = f" ({reason})" if reason not in (None, "Error", "Completed") else ""
    return f"ended with exit code {state.get('exitCode')}{why}"


def autoscaler_data(item: Object) -> Data:
    """An autoscaler: how many pods it has made, would make, and may make."""
    spec, status = item["spec"], item.get("status", {})
    conditions = status.get("conditions") or ()
    idle = (c for c in conditions if c["type"] == "ScalingActive" and c["status"] == "False")
    target = spec["scaleTargetRef"]
    return {
        "name": item["metadata"]["name"],
        "target": f"{target['kind']}/{target['name']}",
        "current": status.get("currentReplicas", 0),
        "desired": status.get("desiredReplicas", 0),
        "min": spec.get("minReplicas", 1),
        "max": spec["maxReplicas"],
        "metrics": list(_metrics(spec.get("metrics") or (), status.get("currentMetrics") or ())),
        "problem": next((_short(c.get("message", "")) for c in idle), None),
    }


def _metrics(wanted: Iterable[Object], current: Iterable[Object]) -> Iterator[Data]:
    """Those of resources, in percent of what is requested."""
    now = {
        each["resource"]["name"]: each["resource"]["current"].get("averageUtilization")
        for each in current
        if each.get("resource")
    }
    for each in wanted:
        if each.get("resource"):
            name, target = each["resource"]["name"], each["resource"]["target"]
            percent = target.get("averageUtilization")
            yield {"name": name, "current": now.get(name), "target": percent}


def budget_data(item: Object) -> Data:
    """A disruption budget: how many pods are healthy, and how many may be away."""
    status = item.get("status", {})
    return {
        "name": item["metadata"]["name"],
        "healthy": status.get("currentHealthy", 0),
        "needed": status.get("desiredHealthy", 0),
        "allowed": status.get("disruptionsAllowed", 0),
    }


def events_data(events: Iterable[Object], names: Iterable[str]) -> list[Data]:
    """Warnings about the objects of these names and what they made, each once, the newest first."""
    known = tuple(names)
    grouped: dict[tuple[str, str, str], Data] = {}
    for each in events:
        about = each.get("involvedObject") or {}
        name = about.get("name", "")
        if not any(name == one or name.startswith((f"{one}-", f"{one}.")) for one in known):
            continue
        message = _short(each.get("message", ""))
        key = (about.get("kind", ""), each.get("reason", ""), message.replace(name, ""))
        group = grouped.setdefault(
            key, {"object": "", "reason": key[1], "message": message, "count": 0, "last": ""}
        )
        group["count"] += (each.get("series") or {}).get("count") or each.get("count") or 1
        if (when := _when(each)) >= group["last"]:
            group |= {"object": f"{key[0]}/{name}", "message": message, "last": when}
    return sorted(grouped.values(), key=lambda e: str(e["last"]), reverse=True)[:EVENTS]


def _when(event: Object) -> str:
    series = (event.get("series") or {}).get("lastObservedTime")
    created = event["metadata"].get("creationTimestamp")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or created or "")


def _short(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
