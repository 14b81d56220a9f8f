"""What has changed between two looks at a release, line by line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dogctl.lifecycle.status_verdict import failed

Data = Mapping[str, Any]


def changes(before: Data, after: Data) -> list[str]:
    """One line for each thing that is new, other than before, or gone; times and counts are none."""
    old, new = dict(_facts(before)), dict(_facts(after))
    return [
        *(f"{name}: {text}" for name, text in new.items() if old.get(name) != text),
        *(f"{name}: gone" for name in old if name not in new),
    ]


def _facts(data: Data) -> Iterator[tuple[str, str]]:
    if failed(data):
        yield "cluster", data["error"]["message"]
        return
    yield "status", data["summary"]
    for part, facts in _FACTS.items():
        found = data[part]
        if failed(found):
            yield part, found["error"]["message"]
        elif found:
            yield from facts(found)


def _release(found: Data) -> Iterator[tuple[str, str]]:
    yield "release", f"revision {found['revision']}, {found['result']}, {found['version']}"
    if last := found["last"]:
        yield "newest revision", f"{last['revision']}, {last['result']}"


def _url(found: Data) -> Iterator[tuple[str, str]]:
    yield "URL", f"{found['address']} {found['says']}"


def _health(found: Data) -> Iterator[tuple[str, str]]:
    yield "health", found["says"]


def _workloads(found: list[Data]) -> Iterator[tuple[str, str]]:
    for each in found:
        yield each["name"], f"{each['ready']} of {each['wanted']} ready, {each['image']}"


def _pods(found: list[Data]) -> Iterator[tuple[str, str]]:
    for each in found:
        restarts = f", {each['restarts']} restarts" if each["restarts"] else ""
        yield f"Pod/{each['name']}", (each["problem"] or "ready") + restarts


def _autoscalers(found: list[Data]) -> Iterator[tuple[str, str]]:
    for each in found:
        yield f"autoscaler {each['name']}", f"{each['current']} pods, {each['desired']} wanted"


def _events(found: list[Data]) -> Iterator[tuple[str, str]]:
    for each in found:
        yield f"warning {each['reason']} {each['object']}", each["message"]


def _drift(found: Data) -> Iterator[tuple[str, str]]:
    for each in found["differences"]:
        yield f"drift {each['object']} {each['path']}", each["text"]


_FACTS: Mapping[str, Callable[[Any], Iterator[tuple[str, str]]]] = {
    "release": _release,
    "url": _url,
    "health": _health,
    "workloads": _workloads,
    "pods": _pods,
    "autoscalers": _autoscalers,
    "events": _events,
    "drift": _drift,
}
