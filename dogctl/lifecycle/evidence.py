"""What is saved when a release fails, before anything is undone, and the part of it to show."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.clouds.kubernetes import EVENTS, SECRETS, Object
from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.asking import ask_each
from dogctl.lifecycle.local import make_state
from dogctl.lifecycle.manifest import containers, pod_template
from dogctl.lifecycle.verify import running_images
from dogctl.lifecycle.workloads import State, look
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

LOG_LINES = 200
SHOWN_LINES = 20
SHOWN_EVENTS = 8
KEPT = 20

Redact = Callable[[str], str]


@dataclass(frozen=True)
class Evidence:
    """What was found, with all secrets masked.

    Args:
        folder: where all of it is; None if it cannot be saved.
        lines: the part to show: resources, last log lines, events, digests.
    """

    folder: Path | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """The log of one container; `previous` is that of the one before its last restart."""

    pod: str
    container: str
    previous: bool
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.pod}/{self.container}" + (" (before its restart)" if self.previous else "")


def gather(
    cluster: Cluster,
    manifest: Sequence[Object],
    image: ImageRef | None,
    folder: Path,
    error: DogctlError,
    redact: Redact,
) -> Evidence:
    """Save what there is to know of a failure; what cannot be had is left out.

    Args:
        folder: for the evidence of all failures.
        redact: masks secrets in every text before it is saved.
    """
    state = _try(lambda: look(cluster.kubernetes, cluster.namespace, manifest)) or State((), (), ())
    pods = state.new_pods()
    uids = {item["metadata"]["uid"] for item in (*state.workloads, *state.new_sets(), *pods)}
    events = [e for e in _events(cluster) if e.get("involvedObject", {}).get("uid") in uids]
    logs = _logs(cluster, pods)
    lines = [
        *_table(state),
        *_last_words(logs, pods),
        *_warnings(events),
        *_digests(pods, image),
    ]
    try:
        place = _saved(_fresh(folder, cluster), state, pods, events, logs, error, redact)
    except OSError as unsaved:
        # A full disk must not keep anybody from undoing what has failed.
        place = None
        lines.append(f"the evidence cannot be saved in {folder}: {unsaved.strerror}")
    return Evidence(place, tuple(map(redact, lines)))


def _saved(
    place: Path,
    state: State,
    pods: Sequence[Object],
    events: Sequence[Object],
    logs: Sequence[Said],
    error: DogctlError,
    redact: Redact,
) -> Path:
    """The folder, with all of it in it. Raises OSError."""
    _save(place / "error.json", {"code": error.code, "message": error.message}, redact)
    _save(place / "workloads.json", [_plain(item) for item in state.workloads], redact)
    _save(place / "pods.json", [_plain(item) for item in pods], redact)
    _save(place / "events.json", events, redact)
    for said in logs:
        name = f"{said.pod}.{said.container}{'.previous' if said.previous else ''}.log"
        _write(place / name, redact("\n".join(said.lines)) + "\n")
    return place


def secrets_of(cluster: Cluster, manifest: Sequence[Object]) -> Iterator[Secret]:
    """What the release's Secrets hold, as far as they may be read: it must not be in any log."""
    for name in secret_names(manifest):
        there = _try(partial(cluster.kubernetes.get, SECRETS, name, cluster.namespace))
        for value in ((there or {}).get("data") or {}).values():
            with suppress(ValueError):
                yield Secret(base64.b64decode(value).decode())


def secret_names(manifest: Sequence[Object]) -> set[str]:
    """The Secrets of the release, and those of others that its pods get."""
    own = {item["metadata"]["name"] for item in manifest if item["kind"] == "Secret"}
    return own.union(*(_given(pod_template(item)) for item in manifest))


def _given(template: Mapping[str, Any]) -> Iterator[str]:
    """The Secrets that a pod gets as variables or files."""
    for volume in (template.get("spec") or {}).get("volumes") or ():
        if name := (volume.get("secret") or {}).get("secretName"):
            yield name
    for container in containers(template):
        each = [source.get("secretRef") for source in container.get("envFrom") or ()]
        variables = container.get("env") or ()
        each += [(variable.get("valueFrom") or {}).get("secretKeyRef") for variable in variables]
        yield from (reference["name"] for reference in each if reference)


def _table(state: State) -> Iterator[str]:
    rows = [
        (each.workload, f"{each.ready}/{each.wanted}", "ready" if each.done else each.waits)
        for each in state.progress()
    ]
    rows += [(name, "-", "missing") for name in state.missing]
    if rows:
        widths = [max(len(row[at]) for row in rows) for at in range(2)]
        for name, count, says in rows:
            yield f"{name:<{widths[0]}}  {count:<{widths[1]}}  {says}"


def _last_words(logs: Sequence[Said], pods: Sequence[Object]) -> Iterator[str]:
    """The end of one log: of a container that failed, else of one that is not ready."""
    failing = {
        (pod["metadata"]["name"], status["name"])
        for pod in pods
        for status in _statuses(pod)
        if not status.get("ready")
    }
    chosen = [said for said in logs if (said.pod, said.container) in failing and said.lines]
    if chosen:
        said = next((each for each in chosen if each.previous), chosen[0])
        yield f"last lines of {said.title}:"
        yield from (f"  {line}" for line in said.lines[-SHOWN_LINES:])


def _warnings(events: Sequence[Object]) -> Iterator[str]:
    """The warnings, each once, the latest last."""
    texts = dict.fromkeys(
        f"  {e.get('involvedObject', {}).get('name')}: {e.get('reason')}: {e.get('message')}"
        for e in events
        if e.get("type") == "Warning"
    )
    if texts:
        yield "warnings:"
        yield from list(texts)[-SHOWN_EVENTS:]


def _digests(pods: Sequence[Object], image: ImageRef | None) -> Iterator[str]:
    if image is None:
        return
    running = {each for pod in pods for each in running_images(pod, image)}
    yield f"intended image: {image}"
    yield f"running image:  {', '.join(sorted(running)) or 'none'}"


def _events(cluster: Cluster) -> list[Object]:
    found = _try(lambda: cluster.kubernetes.select(EVENTS, cluster.namespace)) or []
    return sorted(found, key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")


def _logs(cluster: Cluster, pods: Sequence[Object]) -> list[Said]:
    wanted = [
        (pod["metadata"]["name"], status["name"], previous)
        for pod in pods
        for status in _statuses(pod)
        for previous in ((True, False) if status.get("restartCount") else (False,))
    ]
    return ask_each(lambda which: _log(cluster, *which), wanted)


def _log(cluster: Cluster, pod: str, container: str, previous: bool) -> Said:
    lines = _try(
        lambda: cluster.kubernetes.logs(
            cluster.namespace, pod, container, lines=LOG_LINES, previous=previous
        )
    )
    return Said(pod, container, previous, tuple(lines or ()))


def _statuses(pod: Object) -> list[Any]:
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _plain(item: Object) -> Object:
    """Without bookkeeping, and without the values of variables, of which some may be secrets."""
    metadata = {k: v for k, v in item["metadata"].items() if k != "managedFields"}
    plain: Object = json.loads(json.dumps({**item, "metadata": metadata}))
    for each in (plain, plain.get("spec", {}).get("template", {})):
        for container in containers(each):
            for variable in container.get("env") or ():
                if "value" in variable:
                    dict.__setitem__(variable, "value", "***")
    return plain


def _fresh(folder: Path, cluster: Cluster) -> Path:
    """A new folder for us alone; the oldest ones go."""
    time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S.%f")
    place = folder / f"{time}-{cluster.environment}-{cluster.release}"
    make_state(folder.parent)
    place.mkdir(mode=0o700, parents=True)
    for old in sorted(folder.iterdir())[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def _save(path: Path, data: Any, redact: Redact) -> None:
    _write(path, redact(json.dumps(data, indent=2)) + "\n")


def _write(path: Path, text: str) -> None:
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)


def _try(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except DogctlError:
        return None
