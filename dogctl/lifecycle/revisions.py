"""The revisions of a release, as Helm keeps them in the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import SECRETS
from dogctl.errors import ConfigError
from dogctl.lifecycle.record import Record, Result
from dogctl.tools.helm_storage import Revision, Status, revision, selector, with_status

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

_WORKED = (Status.DEPLOYED, Status.SUPERSEDED)


def revisions(cluster: Cluster) -> list[Revision]:
    """All revisions of the release, the oldest first; none if it was never made.

    Raises DogctlError.
    """
    found = cluster.kubernetes.select(SECRETS, cluster.namespace, labels=selector(cluster.release))
    return sorted(map(revision, found), key=lambda each: each.number)


def deployed(found: Sequence[Revision]) -> Revision | None:
    """The revision that runs, as far as Helm knows."""
    return next((each for each in reversed(found) if each.status is Status.DEPLOYED), None)


def present(found: Sequence[Revision]) -> Revision | None:
    """The revision that runs, or the last one if none does."""
    return deployed(found) or (found[-1] if found else None)


def has_worked(found: Iterable[Revision], records: Mapping[int, Record]) -> bool:
    """Whether one of them ever ran: by what is noted, since Helm calls failed ones superseded."""
    return any(
        records[each.number].result is Result.OK
        if each.number in records
        else each.status in _WORKED
        for each in found
    )


def running(cluster: Cluster) -> Revision:
    """The revision that runs. Raises ConfigError if there is none."""
    found = revisions(cluster)
    latest = present(found)
    if latest is None:
        raise ConfigError(
            f"there is no release {cluster.release} in {cluster.namespace}",
            code="no-release",
            hint="dogctl release makes one, with the secrets that it finds in the environment",
        )
    return latest


def worked_before(
    found: Sequence[Revision], records: dict[int, Record], number: int
) -> Revision | None:
    """The last revision before this one that worked, to go back to.

    One whose run was stopped before it was verified is better than none.
    """
    good = [
        each
        for each in reversed(found)
        if each.number < number
        and each.status in _WORKED
        and not (each.number in records and records[each.number].result is Result.FAILED)
    ]
    verified = (
        each
        for each in good
        if each.number not in records or records[each.number].result is Result.OK
    )
    return next(verified, good[0] if good else None)


def give_up(cluster: Cluster, pending: Revision) -> None:
    """Say of a revision that Helm was killed at that it failed, so that Helm takes another one.

    Only the holder of the lease may do that. Raises DogctlError.
    """
    secret = cluster.kubernetes.get(SECRETS, pending.secret, cluster.namespace)
    if secret and revision(secret).status.pending:
        text = f"given up by dogctl: it was {pending.status} when its run died"
        changed = with_status(secret, Status.FAILED, text)
        cluster.kubernetes.replace(SECRETS, changed, cluster.namespace)
