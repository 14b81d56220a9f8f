"""`dogctl logs --env E --follow`: every line of every pod, those to come too."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dogctl.clouds.kubernetes_errors import UNREACHABLE
from dogctl.errors import DogctlError
from dogctl.lifecycle.ages import parsed
from dogctl.lifecycle.app_pods import AppPods
from dogctl.lifecycle.cluster_logs import Line, Wanted, containers_of, is_named, read_line
from dogctl.lifecycle.manifest import Object

POLL = 0.5
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
            state = each.get("state") or {}
            if each["name"] in names and each.get("containerID") and "waiting" not in state:
                name = pod["metadata"]["name"]
                running, named = "running" in state, is_named(pod, each["name"])
                source = Source(name, each["name"], each["containerID"], running, named)
                found.append(source)
    return found


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
            if error.code != UNREACHABLE:
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

    def __init__(self, apps: AppPods, wanted: Wanted, put: Callable[[Line], None]) -> None:
        self.apps = apps
        self.wanted = wanted
        self._put = put
        self._lock = threading.Lock()
        self._active: set[str] = set()
        self._read: set[str] = set()
        self._last: dict[str, str] = {}
        self._fresh: set[str] = set()

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
        except DogctlError:
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
        said = self.apps.cluster.kubernetes.follow(
            self.apps.cluster.namespace,
            source.pod,
            source.container,
            lines=self.wanted.lines if last is None and source.id in self._fresh else None,
            since=last or self.wanted.since,
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
