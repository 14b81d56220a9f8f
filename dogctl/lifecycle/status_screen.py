"""The status of a release for people: the same data as for programs, as text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from dogctl.answer import Block, Fields, Table, Text
from dogctl.lifecycle.ages import age, local
from dogctl.lifecycle.history import SHORT_DIGEST
from dogctl.lifecycle.status_verdict import failed

Data = Mapping[str, Any]

_LONGEST = 80
_LONGEST_PROBLEM = 40

WORKLOADS = ("WORKLOAD", "READY", "IMAGE", "WAITS FOR")
PODS = ("POD", "READY", "RESTARTS", "AGE", "NODE", "IMAGE", "PROBLEM")
EVENTS = ("LAST", "TIMES", "WARNING", "ABOUT", "MESSAGE")


def screen(data: Data, now: datetime) -> tuple[Block, ...]:
    """A line, the facts, and tables of what there may be several of."""
    if failed(data):
        return (Text(f"the cluster does not answer: {data['error']['message']}"),)
    blocks: list[Block] = [Text(data["summary"]), Fields(tuple(_fields(data, now)))]
    for part, columns, cells in _TABLES:
        rows = [] if failed(data[part]) else data[part]
        if rows:
            blocks += [Text(""), Table(columns, tuple(cells(row, now) for row in rows))]
    drift = data["drift"]
    if drift and not failed(drift) and drift["differences"]:
        blocks += [Text(""), Text("Not as released:")]
        blocks += [Text(f"  {each['text']}") for each in drift["differences"]]
    return tuple(blocks)


def _fields(data: Data, now: datetime) -> Iterator[tuple[str, str]]:
    for title, part, say in _FIELDS:
        found = data[part]
        if failed(found):
            yield title, f"not known: {found['error']['message']}"
        elif found:
            yield from ((title, text) for text in say(found, now))
    if data["count"] and not failed(data["count"]):
        yield data["count"]["name"].capitalize(), str(data["count"]["value"])


def _url(found: Data, _: datetime) -> Iterator[str]:
    note = "" if found["reachable"] else f", {found['says']}; dogctl open forwards a port"
    yield f"{found['address']} ({found['via']}{note})"


def _image(found: Data, _: datetime) -> Iterator[str]:
    version = f"{found['version']}, " if found["version"] else ""
    yield f"{version}{_brief(found['name'])}" if found["name"] else version


def _release(found: Data, now: datetime) -> Iterator[str]:
    who = f" by {found['by']}" if found["by"] else ""
    yield (
        f"{found['name']} revision {found['revision']}, {found['helm']['status']}"
        f" {age(found['at'], now)} ago{who}, chart {found['chart']}"
    )
    if last := found["last"]:
        note = f": {last['note']}" if last["note"] else ""
        yield f"revision {last['revision']} is {last['result']}{note}"


def _cluster(found: Data, _: datetime) -> Iterator[str]:
    version = found["version"]
    yield f"{found['server']}, Kubernetes {version if isinstance(version, str) else 'of unknown version'}"


def _pin(found: Data, _: datetime) -> Iterator[str]:
    if failed(found["identity"]):
        yield f"not known: {found['identity']['error']['message']}"
    else:
        note = "" if found["pinned"] else "none; to hold it to this cluster: "
        yield f"{note}{found['pin']}"


def _health(found: Data, _: datetime) -> Iterator[str]:
    yield f"{found['says']} through the service {found['service']}"


def _autoscalers(found: Sequence[Data], _: datetime) -> Iterator[str]:
    for each in found:
        metrics = ", ".join(_metric(m) for m in each["metrics"])
        why = _short(each["problem"] or metrics)
        yield (
            f"{each['target']}: {_pods(each['current'])}, {each['desired']} wanted, {each['min']} to"
            f" {each['max']} allowed" + (f" ({why})" if why else "")
        )


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _metric(metric: Data) -> str:
    now = "?" if metric["current"] is None else metric["current"]
    return f"{metric['name']} {now} % of {metric['target']} %"


def _budgets(found: Sequence[Data], _: datetime) -> Iterator[str]:
    for each in found:
        yield (
            f"{each['name']}: {_pods(each['allowed'])} may be moved"
            f" ({each['healthy']} healthy, {each['needed']} needed)"
        )


def _certificates(found: Sequence[Data], _: datetime) -> Iterator[str]:
    for each in found:
        what = f"{each['name']} ({each['source']})"
        until = f" until {local(each['expires'])}, {each['days']} days" if each["expires"] else ""
        yield f"{what}{until}" + (f": {each['problem']}" if each["problem"] else "")


def _drift(found: Data, _: datetime) -> Iterator[str]:
    unknown = [each["object"] for each in found["unknown"]]
    differences = len(found["differences"])
    count = "1 difference" if differences == 1 else f"{differences} differences"
    yield f"{count}, see below" if differences else "none: it runs as released"
    if unknown:
        yield f"not known for {', '.join(unknown)}"


_Say = Callable[[Any, datetime], Iterator[str]]
_FIELDS: Sequence[tuple[str, str, _Say]] = (
    ("URL", "url", _url),
    ("Image", "image", _image),
    ("Release", "release", _release),
    ("Cluster", "cluster", _cluster),
    ("Pin", "cluster", _pin),
    ("Health", "health", _health),
    ("Workloads", "workloads", lambda *_: iter(())),
    ("Pods", "pods", lambda *_: iter(())),
    ("Autoscaler", "autoscalers", _autoscalers),
    ("Disruption", "budgets", _budgets),
    ("Certificate", "certificates", _certificates),
    ("Warnings", "events", lambda *_: iter(())),
    ("Drift", "drift", _drift),
    ("Count", "count", lambda *_: iter(())),
)


def _workload(row: Data, _: datetime) -> tuple[str, ...]:
    ready = f"{row['ready']}/{row['wanted']}"
    return (row["name"], ready, _brief(row["image"]), row["waits"] or "")


def _short(text: str, longest: int = _LONGEST) -> str:
    """So much as tells which it is; the rest is in the data."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _brief(image: str) -> str:
    """An image's name with so much of its digest as is told apart by eye."""
    name, at, digest = image.partition("@")
    return f"{name}{at}{digest[:SHORT_DIGEST]}"


def _pod(row: Data, now: datetime) -> tuple[str, ...]:
    return (
        row["name"],
        f"{row['containers_ready']}/{row['containers']}",
        str(row["restarts"]),
        age(row["created"], now),
        row["node"] or "-",
        (row["digest"] or "-")[:SHORT_DIGEST],
        _short(row["problem"] or "", _LONGEST_PROBLEM),
    )


def _event(row: Data, now: datetime) -> tuple[str, ...]:
    last = f"{age(row['last'], now)} ago"
    return (last, str(row["count"]), row["reason"], row["object"], _short(row["message"]))


_Cells = Callable[[Any, datetime], tuple[str, ...]]
_TABLES: Sequence[tuple[str, tuple[str, ...], _Cells]] = (
    ("workloads", WORKLOADS, _workload),
    ("pods", PODS, _pod),
    ("events", EVENTS, _event),
)
