"""What dogctl notes of each revision, beside what Helm does: what was shipped, by whom, and how it ended.

It is in a ConfigMap of its own in the release's namespace, one key a revision, and may be lost:
then less is told of the past.
"""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dogctl.clouds.kubernetes import CONFIG_MAPS

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

_KEY = "revision."
_LABELS = {"app.kubernetes.io/managed-by": "dogctl"}


class Result(StrEnum):
    """How a revision ended."""

    PENDING = "pending"
    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True)
class Record:
    """One revision of a release.

    Args:
        revision: its number.
        action: the verb that made it: release, rollback or secrets.
        result: how it ended; pending for ever if dogctl was killed.
        version: the app's version, as its image's tag has it.
        image: the image, with its digest.
        chart: name and version of the chart.
        by: who it was.
        at: when, as ISO 8601 in UTC.
        commit: what the image was built from, if that is known.
        run: the address of the CI run.
        of: the revision that it goes back to, for a rollback.
        cause: the code of what it failed of.
        outputs: Terraform's outputs at that time that are no secrets, for a deploy.
        approval: the hash of the approved plan, for a deploy that needed one.
    """

    revision: int
    action: str
    result: Result
    version: str
    image: str
    chart: str
    by: str
    at: str
    commit: str | None = None
    run: str | None = None
    of: int | None = None
    cause: str | None = None
    outputs: Mapping[str, Any] | None = None
    approval: str | None = None


def write(cluster: Cluster, record: Record) -> None:
    """Note a revision, or how it ended. Raises DogctlError."""
    text = json.dumps({key: value for key, value in asdict(record).items() if value is not None})
    _apply(cluster, {f"{_KEY}{record.revision}": text})


def read(cluster: Cluster) -> dict[int, Record]:
    """All that is noted, by revision. Raises DogctlError."""
    found = cluster.kubernetes.get(CONFIG_MAPS, name(cluster), cluster.namespace)
    return _records((found or {}).get("data") or {})


def forget(cluster: Cluster, kept: Iterable[int]) -> None:
    """Forget the revisions that Helm has forgotten. Raises DogctlError."""
    gone = set(read(cluster)) - set(kept)
    if gone:
        data: dict[str, str | None] = {f"{_KEY}{number}": None for number in gone}
        body = {"data": data}
        cluster.kubernetes.patch(CONFIG_MAPS, name(cluster), body, cluster.namespace)


def remove(cluster: Cluster) -> None:
    """Forget everything. Raises DogctlError."""
    cluster.kubernetes.delete(CONFIG_MAPS, name(cluster), cluster.namespace)


def who(environ: Mapping[str, str]) -> str:
    """Who runs dogctl: the actor of the CI run, or the user and machine."""
    if actor := environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN"):
        return actor
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):  # a user without a name, as containers have them
        return socket.gethostname()


def run_address(environ: Mapping[str, str]) -> str | None:
    """The page of the CI run.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """
    parts = [environ.get(f"GITHUB_{part}") for part in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    if all(parts):
        return "{}/{}/actions/runs/{}".format(*parts)
    return environ.get("CI_JOB_URL")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def name(cluster: Cluster) -> str:
    """Of the ConfigMap."""
    return f"dogctl-{cluster.release}"


def _apply(cluster: Cluster, data: Mapping[str, str]) -> None:
    """Each key is a field of its own, so two writers of two revisions lose nothing."""
    metadata = {"name": name(cluster), "labels": _LABELS}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    manager = f"dogctl-{next(iter(data))}"
    cluster.kubernetes.apply(CONFIG_MAPS, body, cluster.namespace, manager=manager)


def _records(data: Mapping[str, str]) -> dict[int, Record]:
    records = {}
    for key, text in data.items():
        # Whatever somebody else has put there is as good as lost.
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            if key.startswith(_KEY):
                records[int(key.removeprefix(_KEY))] = _record(text)
    return records


def _record(text: str) -> Record:
    known = {each.name for each in fields(Record)}
    # A later dogctl may have noted more.
    noted: dict[str, Any] = {k: v for k, v in json.loads(text).items() if k in known}
    noted["result"] = Result(noted["result"])
    return Record(**noted)
