"""`dogctl history`: the revisions of a release, as Helm and dogctl have noted them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dogctl.answer import Answer, Table
from dogctl.errors import DogctlError
from dogctl.lifecycle import record
from dogctl.lifecycle.ages import local
from dogctl.lifecycle.asking import together
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.record import Record, Result
from dogctl.lifecycle.release_parts import app_image, app_workload, digest_of, version_of
from dogctl.lifecycle.revisions import deployed, revisions
from dogctl.tools.helm_storage import Revision, Status

if TYPE_CHECKING:
    from dogctl.config.model import Project, Settings
    from dogctl.lifecycle.cluster import Cluster

NOT_RELEASED = "not-released"
# sha256: and so much of it is told apart by eye.
SHORT_DIGEST = 19

_COLUMNS = ("REVISION", "VERSION", "DIGEST", "CHART", "WHO", "WHEN", "RESULT", "NOTE")


def history(project: Project, cluster: Cluster) -> Answer:
    """The revisions, the newest first. Raises DogctlError, with a code of its own if there are none."""
    records, found = together(lambda: _records(cluster), lambda: revisions(cluster))
    if not found:
        raise not_released(project, cluster)
    rows = history_rows(found, records, project.settings)
    data = {
        "environment": cluster.environment,
        "release": cluster.release,
        "namespace": cluster.namespace,
        "revisions": rows,
    }
    return Answer(data, (Table(_COLUMNS, tuple(map(_cells, rows))),))


def not_released(project: Project, cluster: Cluster) -> DogctlError:
    """The error of a command that needs a release."""
    return DogctlError(
        f"{project.settings.name} is not released in {cluster.environment}",
        code=NOT_RELEASED,
        where=f"{cluster.namespace}/{cluster.release}",
        hint="dogctl release",
    )


def history_rows(
    found: Sequence[Revision], records: Mapping[int, Record], settings: Settings
) -> list[dict[str, Any]]:
    """All that is known of each revision, the newest first; JSON types only."""
    now = deployed(found)
    return [
        revision_data(each, records.get(each.number), settings, current=each is now)
        for each in reversed(found)
    ]


def revision_data(
    revision: Revision, noted: Record | None, settings: Settings, *, current: bool
) -> dict[str, Any]:
    """What Helm says of a revision, and what dogctl has noted; JSON types only."""
    app = app_workload(objects(revision.manifest), settings, revision.release)
    image = noted.image if noted and noted.image else app_image(app) if app else None
    version = noted.version if noted and noted.version else version_of(app) if app else None
    result = result_of(revision.status, noted)
    at = revision.updated.isoformat(timespec="seconds")
    return {
        "revision": revision.number,
        "current": current,
        "version": version or revision.app_version or None,
        "image": image,
        "digest": digest_of(image or ""),
        "chart": revision.chart,
        "by": noted.by if noted else None,
        "at": noted.at if noted else at,
        "result": result,
        "note": note_of(revision, noted, current=current),
        "helm": {
            "status": revision.status,
            "description": revision.description,
            "updated": at,
            "app_version": revision.app_version,
        },
        "record": asdict(noted) if noted else None,
    }


def result_of(status: Status, noted: Record | None) -> str:
    """How a revision ended: Helm knows of its own part only, dogctl of the pods too."""
    if status.pending:
        return Result.PENDING
    if status is Status.FAILED or (noted and noted.result is Result.FAILED):
        return Result.FAILED
    if status in (Status.DEPLOYED, Status.SUPERSEDED):
        return noted.result if noted else Result.OK
    return status


def note_of(revision: Revision, noted: Record | None, *, current: bool) -> str:
    """What else there is to say of a revision, in a few words."""
    since = local(revision.updated.isoformat())
    by_helm = revision.description if revision.status is Status.FAILED else ""
    notes = (
        "current" if current else "",
        f"rollback to {noted.of}" if noted and noted.of else _rollback(revision),
        noted.action if noted and noted.action not in ("release", "rollback") else "",
        noted.cause if noted and noted.cause else by_helm,
        f"{revision.status} since {since}" if revision.status.pending else "",
    )
    return ", ".join(note for note in notes if note)


def _rollback(revision: Revision) -> str:
    """Helm says it in the description, where nobody gave another: `Rollback to 2`."""
    said = revision.description
    return said.lower() if said.startswith("Rollback to ") else ""


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    digest = (row["digest"] or "-")[:SHORT_DIGEST]
    chart, by, result, note = row["chart"], row["by"] or "-", row["result"], row["note"]
    version = row["version"] or "-"
    return (str(row["revision"]), version, digest, chart, by, local(row["at"]), result, note)


def _records(cluster: Cluster) -> Mapping[int, Record]:
    """What dogctl has noted may be lost, or out of reach: Helm's own notes tell enough."""
    try:
        return record.read(cluster)
    except DogctlError:
        return {}
