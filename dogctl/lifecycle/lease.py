"""One dogctl at a time changes a release: a Lease in its namespace, with a heartbeat.

A lease is dead when nobody has renewed it for its duration, by our own watch and not by anybody's
clock; or at once, if it was taken on this machine by a process that is gone.
https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from dogctl.clouds.kubernetes import LEASES, Object
from dogctl.clouds.kubernetes_errors import CONFLICT
from dogctl.errors import DogctlError
from dogctl.lifecycle.asking import within
from dogctl.lifecycle.record import run_address, who
from dogctl.plan import Run
from dogctl.tools.processes import start_mark

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster

SECONDS = 15
HEARTBEAT = 4.0
POLL = 0.5
# A cluster that does not answer must not keep who wants to stop.
GIVE_BACK = 1.0
# A dead holder is known after SECONDS, so waiting less would never take a lease over.
SHORTEST_WAIT = SECONDS + 5.0

HELD = "release-locked"
LOST = "lock-lost"
_NOTE = "dogctl.dev/"


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, as it says itself."""

    identity: str
    by: str
    doing: str
    since: str
    run: str | None

    def __str__(self) -> str:
        at = f", {self.run}" if self.run else ""
        return f"{self.by}, dogctl {self.doing} since {self.since}{at}"


class Lease:
    """The lease of one release, for one run of dogctl.

    Args:
        doing: the verb, for others to see.
        wait: seconds to wait for another run to end.
    """

    def __init__(self, cluster: Cluster, doing: str, *, wait: float = SHORTEST_WAIT) -> None:
        self._cluster = cluster
        self._name = f"dogctl-{cluster.release}"
        self._wait = max(wait, SHORTEST_WAIT)
        self._identity = f"{_place()}/{os.getpid()}/{start_mark(os.getpid())}"
        run = run_address(cluster.environ)
        self._notes = {
            f"{_NOTE}by": who(cluster.environ),
            f"{_NOTE}doing": doing,
            **({f"{_NOTE}run": run} if run else {}),
        }
        self._ended = threading.Event()
        self._lost: str | None = None
        self._held: Object | None = None
        self._renewed = monotonic()
        self._heart: threading.Thread | None = None

    def take(self, step: Run) -> bool:
        """Take it, waiting if need be; whether it was taken over from a run that had died.

        Raises DogctlError if another run holds it all the time, Cancelled.
        """
        deadline = monotonic() + self._wait
        seen, unchanged_since = None, monotonic()
        while True:
            there = step.interruptible(self._look)
            if there is None:
                if self._create():
                    return False
                continue
            if there["metadata"]["resourceVersion"] != seen:
                seen, unchanged_since = there["metadata"]["resourceVersion"], monotonic()
            if is_dead(there, monotonic() - unchanged_since):
                if self._take_over(there):
                    return True
                continue
            if monotonic() > deadline:
                raise self._held_by(there)
            step.progress(f"waiting for {holder(there)}")
            step.sleep(POLL)

    def check(self) -> None:
        """Raises DogctlError once the lease is lost: somebody else may be at work now."""
        lost = self._lost
        if self._held and monotonic() - self._renewed > SECONDS:
            lost = lost or f"it could not be renewed for {SECONDS} s"
        if lost:
            raise DogctlError(
                f"the lock of the release was lost: {lost}",
                code=LOST,
                where=f"{self._cluster.namespace}/leases/{self._name}",
                hint="look at dogctl status, and run the command again",
            )

    def give_back(self) -> None:
        """Let others have it. Does nothing if it is not held any more.

        Raises DogctlError; where nothing is answered it is left, and ends by itself.
        """
        self._ended.set()
        if self._heart:
            self._heart.join(GIVE_BACK)
        if self._held and not self._lost:
            uid = self._held["metadata"]["uid"]
            delete = partial(self._cluster.kubernetes.delete, LEASES, self._name, uid=uid)
            within(GIVE_BACK, lambda: delete(self._cluster.namespace))
        self._held = None

    def _look(self) -> Object | None:
        return self._cluster.kubernetes.get(LEASES, self._name, self._cluster.namespace)

    def _create(self) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "annotations": self._notes},
            "spec": self._spec(),
        }
        return self._put(lambda: self._cluster.kubernetes.create(LEASES, body, self._namespace))

    def _take_over(self, there: Object) -> bool:
        metadata = {**there["metadata"], "annotations": self._notes}
        body = {**there, "metadata": metadata, "spec": self._spec()}
        return self._put(lambda: self._cluster.kubernetes.replace(LEASES, body, self._namespace))

    def _put(self, change: Any) -> bool:
        """Whether we were the first."""
        asked = monotonic()
        try:
            self._held = change()
        except DogctlError as error:
            if error.code != CONFLICT:
                raise
            self._held = self._own()
            if self._held is None:
                return False
        self._renewed = asked
        self._heart = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._heart.start()
        return True

    @property
    def _namespace(self) -> str:
        return self._cluster.namespace

    def _spec(self) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": SECONDS,
            "acquireTime": self._held["spec"]["acquireTime"] if self._held else now,
            "renewTime": now,
        }

    def _beat(self) -> None:
        """Renew it until it is given back; a cluster that is away for a moment is no loss."""
        while not self._ended.wait(HEARTBEAT):
            asked = monotonic()
            try:
                body = {**(self._held or {}), "spec": self._spec()}
                self._held = self._cluster.kubernetes.replace(LEASES, body, self._namespace)
            except DogctlError as error:
                if error.code == CONFLICT:
                    if own := self._own():
                        self._held = own
                        continue
                    there = self._try_to_look()
                    self._lost = f"taken over by {holder(there)}" if there else "it is gone"
                    return
                if monotonic() - self._renewed > SECONDS:
                    self._lost = error.message
                    return
            else:
                self._renewed = asked

    def _own(self) -> Object | None:
        """The lease, if it is ours: what was sent twice, as an answer was lost, is a conflict."""
        there = self._try_to_look()
        return there if there and holder(there).identity == self._identity else None

    def _try_to_look(self) -> Object | None:
        try:
            return self._look()
        except DogctlError:
            return None

    def _held_by(self, there: Object) -> DogctlError:
        return DogctlError(
            f"another run is at work on {self._cluster.release}: {holder(there)}",
            code=HELD,
            where=f"{self._namespace}/leases/{self._name}",
            hint="wait for it: --lock-wait SECONDS waits longer",
        )


def holder(lease: Mapping[str, Any]) -> Holder:
    """Who a lease says that it is held by."""
    notes = lease["metadata"].get("annotations") or {}
    spec = lease.get("spec") or {}
    identity = spec.get("holderIdentity") or "nobody"
    return Holder(
        identity,
        notes.get(f"{_NOTE}by", identity),
        notes.get(f"{_NOTE}doing", "at work"),
        str(spec.get("acquireTime", "some time")).partition(".")[0],
        notes.get(f"{_NOTE}run"),
    )


def is_dead(lease: Mapping[str, Any], unchanged: float) -> bool:
    """Whether its holder is gone, after having watched it unchanged for some seconds."""
    spec: Mapping[str, Any] = lease.get("spec") or {}
    identity = str(spec.get("holderIdentity") or "")
    if not identity:
        return True
    place, _, process = identity.partition("/")
    pid, _, mark = process.partition("/")
    if place == _place() and pid.isdigit() and _is_of_this_boot(mark):
        return start_mark(int(pid)) != mark
    return unchanged > float(spec.get("leaseDurationSeconds") or SECONDS)


def _place() -> str:
    """Where a PID means the same process: this machine, and this container."""
    try:
        container = Path("/proc/self/ns/pid").readlink()
    except OSError:  # no Linux
        return socket.gethostname()
    return f"{socket.gethostname()}:{container}"


def _is_of_this_boot(mark: str) -> bool:
    """Whether the PID can be looked up; machines may share a name."""
    own = start_mark(os.getpid()) or ""
    return "/" in mark and mark.partition("/")[0] == own.partition("/")[0]
