"""`dogctl logs --env E`: what all pods of the app said, in the order in which they said it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from dogctl.answer import Answer
from dogctl.clouds.kubernetes import Kubernetes
from dogctl.errors import DogctlError
from dogctl.lifecycle.ages import parsed
from dogctl.lifecycle.app_pods import AppPods, container_of
from dogctl.lifecycle.asking import ask_each
from dogctl.lifecycle.cluster_facts import problem
from dogctl.lifecycle.manifest import Object

_FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Wanted:
    """Which lines.

    Args:
        container: of every pod; without a name all that are no init containers.
        lines: how many from the end.
        previous: those of before the last restart.
        since: not older than so many seconds.
    """

    container: str | None = None
    lines: int = 100
    previous: bool = False
    since: int | None = None


@dataclass(frozen=True)
class Line:
    """One line of one container.

    Args:
        named: whether the container has to be named, since it is not the pod's only one.
        time: None where the cluster says something itself.
    """

    pod: str
    container: str
    named: bool
    time: str | None
    text: str

    def data(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "named"}


def recent(apps: AppPods, wanted: Wanted) -> tuple[Answer, list[str]]:
    """The last lines of all pods together, and what is to be said of pods without any.

    Raises DogctlError if there is no pod, or none has a log.
    """
    pods = apps.pods()
    sources = [(pod, name) for pod in pods for name in containers_of(pod, wanted.container)]
    found = ask_each(lambda source: _read(apps, source[0], source[1], wanted), sources)
    problems = [str(one) for one in found if isinstance(one, DogctlError)]
    if len(problems) == len(found):
        raise _no_log(apps, pods, problems)
    lines = merged([one for one in found if not isinstance(one, DogctlError)])
    shown = lines[-wanted.lines :] if wanted.lines else []
    texts = list(map(prefixed, shown))
    data = {"lines": texts, "entries": [line.data() for line in shown], "problems": problems}
    return Answer.lines(data, texts), problems


def containers_of(pod: Object, name: str | None) -> list[str]:
    """The containers whose lines are wanted. Raises ConfigError for one that there is not."""
    if name is not None:
        return [container_of(pod, name)]
    return [each["name"] for each in pod["spec"]["containers"]]


def is_named(pod: Object, container: str) -> bool:
    """Whether a container has to be named for people to know which it is."""
    return [each["name"] for each in pod["spec"]["containers"]] != [container]


def read_line(pod: str, container: str, line: str, *, named: bool = False) -> Line:
    """A line that begins with its time, unless the cluster itself wrote it."""
    time, _, text = line.partition(" ")
    try:
        parsed(time)
    except ValueError:
        return Line(pod, container, named, None, line)
    return Line(pod, container, named, time, text)


def merged(sources: Sequence[Sequence[Line]]) -> list[Line]:
    """The lines of all in the order of their times; a line without one stays behind that before it."""
    timed = [pair for lines in sources for pair in _timed(lines)]
    return [line for _, line in sorted(timed, key=lambda pair: pair[0])]


def _timed(lines: Sequence[Line]) -> Iterator[tuple[datetime, Line]]:
    time = _FIRST
    for line in lines:
        time = parsed(line.time) if line.time else time
        yield time, line


def prefixed(line: Line) -> str:
    """A line that says whose it is; the container too, where that is not the only one."""
    source = f"{line.pod}/{line.container}" if line.named else line.pod
    return f"{source}  {line.text}"


def _read(apps: AppPods, pod: Object, container: str, wanted: Wanted) -> list[Line] | DogctlError:
    name, kubernetes = pod["metadata"]["name"], apps.cluster.kubernetes
    try:
        said = _ask(kubernetes, apps.cluster.namespace, name, container, wanted)
    except DogctlError as error:
        error.args = (f"{name}/{container}: {problem(pod) or error.message}",)
        return error
    named = is_named(pod, container)
    return [read_line(name, container, line, named=named) for line in said]


def _ask(
    kubernetes: Kubernetes, namespace: str, pod: str, container: str, wanted: Wanted
) -> list[str]:
    return kubernetes.logs(
        namespace,
        pod,
        container,
        lines=wanted.lines,
        previous=wanted.previous,
        since=wanted.since,
        stamped=True,
    )


def _no_log(apps: AppPods, pods: Sequence[Object], problems: Sequence[str]) -> DogctlError:
    what = "has said anything that can be read" if pods else "is there"
    return DogctlError(
        f"no pod of {apps.workload['metadata']['name']} {what}",
        code="no-log",
        where=apps.cluster.namespace,
        hint="dogctl status shows more",
        detail=tuple(problems),
    )
