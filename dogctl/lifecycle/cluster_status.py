"""`dogctl status --env E`: the release in its cluster, as the live system says.

Everything is asked at once. What is not answered says so in its own place, and the rest is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer
from dogctl.errors import DogctlError
from dogctl.lifecycle import status_certificates as certificates
from dogctl.lifecycle.cluster_facts import (
    Data,
    autoscaler_data,
    budget_data,
    events_data,
    pods_data,
    workload_data,
)
from dogctl.lifecycle.drift import find_drift
from dogctl.lifecycle.history import revision_data
from dogctl.lifecycle.reach import best
from dogctl.lifecycle.smoke_checks import read_number
from dogctl.lifecycle.status_look import (
    COUNT,
    HEALTH,
    IDENTITY,
    LISTED,
    POD,
    RECORDS,
    REPLICA_SET,
    REVISIONS,
    SERVED,
    TLS,
    URL,
    VERSION,
    WARNING,
    Look,
)
from dogctl.lifecycle.status_screen import screen
from dogctl.lifecycle.status_verdict import verdict
from dogctl.tools.helm_storage import Status

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.lifecycle.cluster import Cluster
    from dogctl.tools.helm_storage import Revision

POLL = 2.0


def status(project: Project, cluster: Cluster) -> Answer:
    """The release in its cluster.

    Raises DogctlError if the cluster answers nothing at all, or is another one than the
    environment's.
    """
    look = Look(project, cluster)
    look.ask()
    now = datetime.now(UTC)
    data = report(look, now)
    return Answer(data, screen(data, now))


def watch(project: Project, cluster: Cluster) -> Iterator[Answer]:
    """The same again and again, without end; a cluster that goes away for a while ends nothing.

    Raises DogctlError as `status` does, but only at the first look.
    """
    yield status(project, cluster)
    while True:
        time.sleep(POLL)
        try:
            yield status(project, cluster)
        except DogctlError as error:
            data = {"error": _error(error)}
            yield Answer(data, screen(data, datetime.now(UTC)))


def report(look: Look, now: datetime) -> Data:
    """All parts by name; JSON types only."""
    cluster = look.cluster
    parts: dict[str, Callable[[], Any]] = {
        "cluster": lambda: _cluster(look),
        "release": lambda: _release(look),
        "image": lambda: _image(look),
        "url": lambda: best(look.asking[URL]),
        "health": lambda: _health(look),
        "count": lambda: _count(look),
        "workloads": lambda: _workloads(look),
        "pods": lambda: pods_data(look.workloads, look.asking[POD]),
        "autoscalers": lambda: list(map(autoscaler_data, look.all("HorizontalPodAutoscaler"))),
        "budgets": lambda: list(map(budget_data, look.all("PodDisruptionBudget"))),
        "certificates": lambda: _certificates(look, now),
        "events": lambda: events_data(look.asking[WARNING], _names(look)),
        "drift": lambda: _drift(look),
    }
    found = {name: _part(make) for name, make in parts.items()}
    data = {
        "name": look.project.settings.name,
        "environment": cluster.environment,
        "namespace": cluster.namespace,
        **found,
        "addresses": _part(lambda: look.asking[URL]),
        "seconds": {name: round(value, 3) for name, value in look.asking.seconds.items()},
    }
    state, summary = verdict(data)
    return {"state": state, "summary": summary, **data}


def _part(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except DogctlError as error:
        return {"error": _error(error)}


def _error(error: DogctlError) -> Data:
    return {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
    }


def _cluster(look: Look) -> Data:
    """How to reach it is known without an answer."""
    version = _part(lambda: look.asking[VERSION])
    identity = _part(lambda: look.asking[IDENTITY])
    known = isinstance(identity, str)
    return {
        "target": look.project.settings.target,
        "server": look.cluster.kubernetes.server,
        "version": version.get("gitVersion", version),
        "identity": identity,
        "pinned": look.project.settings.pin is not None,
        "pin": f'pin = "{identity}"' if known else None,
    }


def _release(look: Look) -> Data | None:
    if (revision := look.revision) is None:
        return None
    last = look.asking[REVISIONS][-1]
    current = revision.status is Status.DEPLOYED
    data = _revision(look, revision, current=current)
    newer = _revision(look, last, current=False) if last is not revision else None
    return {"name": look.cluster.release, **data, "last": newer}


def _revision(look: Look, revision: Revision, *, current: bool) -> Data:
    noted = look.asking.get(RECORDS, {}).get(revision.number)
    return revision_data(revision, noted, look.project.settings, current=current)


def _image(look: Look) -> Data | None:
    """What the release has, and what runs."""
    if (revision := look.revision) is None:
        return None
    data = _revision(look, revision, current=True)
    pods = pods_data([look.app], look.asking.get(POD, [])) if look.app else []
    running = sorted({pod["digest"] for pod in pods if pod["digest"] and not pod["ending"]})
    return {
        "name": data["image"],
        **{k: data[k] for k in ("version", "digest")},
        "running": running,
    }


def _health(look: Look) -> Data | None:
    if (found := look.asking[HEALTH]) is None:
        return None
    service, code, body = found
    path = look.project.settings.health
    ok = 200 <= code < 400
    said = "" if ok else " ".join(body.split())[:200]
    says = f"{path} answers {code}" + (f": {said}" if said else "")
    return {"path": path, "service": service, "status": code, "ok": ok, "says": says}


def _count(look: Look) -> Data | None:
    """The number that the settings let the smoke test count, under its own name."""
    if look.counter is None or (found := look.asking[COUNT]) is None:
        return None
    number, (_, code, body) = look.counter, found
    try:
        if code != 200:
            raise ValueError(f"answers {code}")
        value = read_number(number, body)
    except ValueError as error:
        raise DogctlError(f"{number.path} {error}", code="no-number") from None
    name = number.json.rpartition(".")[2] if number.json else number.path
    return {"name": name, "path": number.path, "value": int(value) if value.is_integer() else value}


def _workloads(look: Look) -> list[Data]:
    if not look.workloads and (error := look.asking.error("Deployment")):
        raise error
    replica_sets, pods = look.asking.get(REPLICA_SET, []), look.asking.get(POD, [])
    return [workload_data(item, replica_sets, pods) for item in look.workloads]


def _certificates(look: Look, now: datetime) -> list[Data]:
    ingresses = look.all("Ingress")
    shown = certificates.served(look.asking[SERVED], now)
    return [*certificates.stored(ingresses, look.asking[TLS], now), *shown] if ingresses else []


def _names(look: Look) -> list[str]:
    """Of all that a warning may be about."""
    found = (item for kind in LISTED if not look.asking.error(kind) for item in look.all(kind))
    return [look.cluster.release, *(item["metadata"]["name"] for item in found)]


def _drift(look: Look) -> Data | None:
    if look.revision is None:
        return None
    live = look.live()
    manifest = look.manifest()
    errors = {name: each for name, each in live.items() if isinstance(each, DogctlError)}
    seen = {name: each for name, each in live.items() if not isinstance(each, DogctlError)}
    scalers = look.asking.get("HorizontalPodAutoscaler", [])
    found = find_drift(manifest, seen, look.asking[POD], scalers)
    return {
        "differences": [each.data() for each in found],
        "unknown": [
            {"object": f"{kind}/{name}", "error": _error(error)}
            for (kind, _, name), error in errors.items()
        ],
    }
