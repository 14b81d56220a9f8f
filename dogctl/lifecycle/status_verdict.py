"""The one line above a status: how the app is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

Data = Mapping[str, Any]


class State(StrEnum):
    """How the app of a release is."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    ABSENT = "absent"
    UNKNOWN = "unknown"


def verdict(data: Data) -> tuple[State, str]:
    """The state, and a line that says it and why."""
    name, environment = data["name"], data["environment"]
    if data["release"] is None and not data["workloads"]:
        return State.ABSENT, f"{name} is not released in {environment}: dogctl release"
    if failed(data["workloads"]):
        message = data["workloads"]["error"]["message"]
        return State.UNKNOWN, f"nobody knows how {name} is in {environment}: {message}"
    ready = sum(each["ready"] for each in data["workloads"])
    wanted = sum(each["wanted"] for each in data["workloads"])
    reasons = list(_reasons(data))
    pods = f"{ready} of {wanted} pods ready"
    if ready == 0 or any(w["wanted"] and not w["ready"] for w in data["workloads"]):
        state = State.DOWN
        reasons = reasons or ["it has no pods"]
    else:
        state = State.DEGRADED if reasons else State.UP
    return state, f"{name} is {state} in {environment}: " + ", ".join([pods, *reasons[:1]])


def failed(part: Any) -> bool:
    """Whether there is an error in the part's place."""
    return isinstance(part, Mapping) and set(part) == {"error"}


def _reasons(data: Data) -> Iterator[str]:
    """Why it is not simply up, the weightiest first."""
    release = data["release"] or {}
    pods = [] if failed(data["pods"]) else data["pods"]
    yield from (f"{p['name']}: {p['problem']}" for p in pods if p["problem"] and not p["ending"])
    for each in data["workloads"]:
        yield from (cause["message"] for cause in each["causes"])
        if each["waits"]:
            yield f"{each['name']} waits for {each['waits']}"
    health = data["health"]
    if health and not failed(health) and not health["ok"]:
        yield health["says"]
    last = release.get("last")
    for each in (release, last) if last else (release,):
        if each.get("result") in ("pending", "failed"):
            yield f"revision {each['revision']} is {each['result']}"
