"""`dogctl logs --env E --follow`: every line of every pod, those to come too."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from dogctl.clouds.kubernetes_errors import (
    FAILED,
    FORBIDDEN,
    TOO_MANY,
    UNAUTHORIZED,
    AwayError,
)
from dogctl.errors import DogctlError
from dogctl.lifecycle.ages import parsed
from dogctl.lifecycle.app_pods import AppPods
from dogctl.lifecycle.cluster_logs import Line, Wanted, containers_of, is_named, read_line
from dogctl.lifecycle.manifest import Object

POLL = 0.5
# What nobody mends by asking again, and what may be over in a moment.
REFUSED = (FORBIDDEN, UNAUTHORIZED)
PASSING = (FAILED, TOO_MANY)
_KINDS = ("initContainerStatuses", "containerStatuses")


@dataclass(frozen=True)
class Source:
    """One run of a container: its id is another one after each restart."""

    pod: str
    container: str
    id: str
    running: bool
    named: bool


def follow(
    apps: AppPods,
    wanted: Wanted,
    note: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Line]:
    """The last lines and every further one, without end: over restarts, rollouts and lost connections.

    Args:
        note: hears what is to be said beside the lines.

    Raises DogctlError if the pods cannot be asked for at the beginning.
    """
    lines: queue.Queue[Line | Exception] = queue.Queue(1000)
    first = sources(apps.pods(), wanted.container)
    follower = _Follower(apps, wanted, lines.put)
    follower.look(first, fresh=True)
    threading.Thread(target=_keep_looking, args=(follower, lines, note, pause), daemon=True).start()
    while True:
        line = lines.get()
        if isinstance(line, Exception):
            raise line
        yield line


def sources(pods: list[Object], container: str | None) -> list[Source]:
    """The containers that have a log by now."""
    found = []
    for pod in pods:
        names = containers_of(pod, container)
        status = pod.get("status", {})
        for each in (each for kind in _KINDS for each in status.get(kind) or ()):
            name, id_ = each["name"], _last_run(each)
            if name in names and id_:
                running, named = "running" in (each.get("state") or {}), is_named(pod, name)
                found.append(Source(pod["metadata"]["name"], name, id_, running, named))
    return found


def _last_run(status: Mapping[str, Any]) -> str | None:
    """The run that the cluster gives the log of: while it waits for another start, the one before."""
    if "waiting" in (status.get("state") or {}):
        status = (status.get("lastState") or {}).get("terminated") or {}
    return status.get("containerID") or None


def _keep_looking(
    follower: _Follower,
    lines: queue.Queue[Line | Exception],
    note: Callable[[str], None],
    pause: Callable[[float], None],
) -> None:
    lost = False
    while True:
        pause(POLL)
        try:
            follower.look(sources(follower.apps.pods(), follower.wanted.container))
            lost = False
        except DogctlError as error:
            if error.code not in PASSING and not isinstance(error, AwayError):
                lines.put(error)
                return
            if not lost:
                note(f"{error.message}; goes on once it answers")
            lost = True
        except Exception as error:  # noqa: BLE001  (it is raised where it is read)
            lines.put(error)
            return


class _Follower:
    """Knows which containers are followed, and how far each has been read."""

    def __init__(
        self, apps: AppPods, wanted: Wanted, put: Callable[[Line | Exception], None]
    ) -> None:
        self.apps = apps
        self.wanted = wanted
        self._put = put
        self._lock = threading.Lock()
        self._active: set[str] = set()
        self._read: set[str] = set()
        self._last: dict[str, str] = {}
        self._fresh: set[str] = set()
        self._began: dict[str, float] = {}

    def look(self, found: list[Source], *, fresh: bool = False) -> None:
        """Follow what is not followed yet.

        Args:
            fresh: of these only the last lines are wanted; of any other all.
        """
        for source in found:
            with self._lock:
                if source.id in self._active | self._read:
                    continue
                self._active.add(source.id)
                self._fresh |= {source.id} if fresh else set()
            threading.Thread(target=self._follow, args=(source,), daemon=True).start()

    def _follow(self, source: Source) -> None:
        try:
            for line in self._lines(source):
                self._put(line)
        except DogctlError as error:
            if error.code in REFUSED:
                self._put(error)
            return  # the next look tries again, if the container is still there
        else:
            if not source.running:
                self._read.add(source.id)
        finally:
            with self._lock:
                self._active.discard(source.id)

    def _lines(self, source: Source) -> Iterator[Line]:
        """Those that have not been read yet, wherever the connection broke before."""
        last = self._last.get(source.id)
        began = self._began.get(source.id)
        self._began.setdefault(source.id, monotonic())
        fresh, since = last is None and source.id in self._fresh, last or self.wanted.since
        if fresh and not self.wanted.lines and began is not None:
            # Of a log that was to begin at its end: what was said since, and nobody has heard.
            fresh, since = False, int(monotonic() - began) + 1
        said = self.apps.cluster.kubernetes.follow(
            self.apps.cluster.namespace,
            source.pod,
            source.container,
            lines=self.wanted.lines if fresh else None,
            since=since,
            stamped=True,
        )
        for each in said:
            line = read_line(source.pod, source.container, each, named=source.named)
            if line.time and last and _is_known(line.time, last):
                continue
            self._last[source.id] = line.time or self._last.get(source.id, "")
            yield line


def _is_known(time: str, last: str) -> bool:
    return time == last or parsed(time) < parsed(last)
