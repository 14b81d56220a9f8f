"""What a release would change in the cluster, asked of the cluster itself.

The API server says what each object would become (a dry run of a server-side apply), and that is
compared with what it is: so what was changed behind Helm's back shows too. What the chart no longer
has is told by comparing its manifests, as Helm does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from dogctl.clouds.kubernetes import Kind, Kubernetes
from dogctl.clouds.kubernetes_errors import NOT_FOUND
from dogctl.errors import DogctlError
from dogctl.lifecycle.asking import ask_each
from dogctl.lifecycle.manifest import Object, is_kept, key, named_items, title

PREVIEW = "dogctl-preview"
# Written by the cluster, or by nobody who matters here.
_NOISE = {
    "metadata": (
        *("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"),
        "selfLink",
    ),
}
_ABSENT = object()
_LONGEST = 60
_HIDDEN = "***"


class Action(StrEnum):
    """What becomes of an object."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    RUN = "run"


@dataclass(frozen=True)
class Difference:
    """A field: where it is, what is there and what would be; None where there is nothing."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """An object that would be made, changed or deleted, or a hook that would run."""

    action: Action
    title: str
    differences: tuple[Difference, ...] = ()

    def lines(self) -> Iterator[str]:
        """For people: the object, and a line for each field."""
        yield f"{_MARKS[self.action]} {self.title}"
        for each in self.differences:
            yield f"    {each.path}: {_shown(each.before)} -> {_shown(each.after)}"

    def data(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


_MARKS = {Action.CREATE: "+", Action.CHANGE: "~", Action.DELETE: "-", Action.RUN: ">"}


def changes(
    kubernetes: Kubernetes, namespace: str, old: Sequence[Object], new: Sequence[Object]
) -> tuple[Change, ...]:
    """What it takes from what runs to the new objects; nothing is changed.

    Args:
        old: the objects of the release as it was made last.
        new: those of the release to come.

    Raises DogctlError if the cluster would refuse one of them.
    """
    before = {key(item): item for item in old}
    after = {key(item): item for item in new}
    there = Live(kubernetes, namespace)

    def compare(item: Object) -> Change | None:
        return _compare(there, before.get(key(item)), item)

    gone = [item for name, item in before.items() if name not in after and not is_kept(item)]
    found = [*ask_each(compare, new), *ask_each(lambda item: _delete(there, item), gone)]
    return tuple(change for change in found if change)


def hook_changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    """The hooks, by name, that are new or not what they were."""
    return tuple(
        Change(Action.RUN, f"hook {name}")
        for name, manifest in new.items()
        if old.get(name) != manifest
    )


class Live:
    """The objects of a manifest as they are in the cluster."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace

    def get(self, item: Object) -> Object | None:
        kind, namespace = self._place(item)
        return self._kubernetes.get(kind, item["metadata"]["name"], namespace)

    def applied(self, item: Object) -> Object | None:
        """What it would become; None if its namespace is not there yet."""
        kind, namespace = self._place(item)
        try:
            # In nobody's name: its owners would seem to give up what is not in the manifest, such
            # as the notes that Helm 4 adds itself.
            return self._kubernetes.apply(kind, item, namespace, dry_run=True, manager=PREVIEW)
        except DogctlError as error:
            if error.code == NOT_FOUND:
                return None
            error.where = title(item)
            raise

    def _place(self, item: Object) -> tuple[Kind, str | None]:
        kind = self._kubernetes.kind(item["apiVersion"], item["kind"])
        given = item["metadata"].get("namespace")
        return kind, (given or self._namespace) if kind.namespaced else None


def _compare(there: Live, old: Object | None, new: Object) -> Change | None:
    live = there.get(new)
    would = there.applied(new)
    if live is None:
        return Change(Action.CREATE, title(new))
    found = [*differences(_plain(live), _plain(would or new)), *removals(old or {}, new, live)]
    if not found:
        return None
    hide = _hidden if new["kind"] == "Secret" else _same
    return Change(Action.CHANGE, title(new), tuple(map(hide, found)))


def _delete(there: Live, item: Object) -> Change | None:
    return Change(Action.DELETE, title(item)) if there.get(item) else None


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """The fields in which two objects differ."""
    for at, one, other in _children(before, after):
        if isinstance(one, dict | list) and isinstance(other, type(one)):
            yield from differences(one, other, path + at)
        elif one != other:
            yield Difference((path + at).lstrip("."), _none(one), _none(other))


def removals(old: Any, new: Any, live: Any, path: str = "") -> Iterator[Difference]:
    """The fields of the old manifest that the new one does not have, and that are there still.

    A dry run does not show them, since what the fields' old owner gave up is not in it.
    """
    for at, one, other in _children(old, new):
        is_there = _child(live, at)
        if one is _ABSENT or is_there is _ABSENT:
            continue
        if other is _ABSENT:
            yield Difference((path + at).lstrip("."), is_there, None)
        elif isinstance(one, dict | list) and isinstance(other, type(one)):
            yield from removals(one, other, is_there, path + at)


def _children(one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """The parts of two tables or lists, side by side."""
    parts, others = _parts(one), _parts(other)
    for at in dict.fromkeys((*parts, *others)):
        yield at, parts.get(at, _ABSENT), others.get(at, _ABSENT)


def _child(value: Any, at: str) -> Any:
    return _parts(value).get(at, _ABSENT)


def _parts(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        # None is as good as nothing in a manifest.
        return {f".{name}": item for name, item in value.items() if item is not None}
    return named_items(value) if isinstance(value, list) else {}


def _plain(item: Object) -> Object:
    """Without what the cluster writes itself."""
    kept = {name: value for name, value in item.items() if name != "status"}
    noise = _NOISE["metadata"]
    kept["metadata"] = {n: v for n, v in item["metadata"].items() if n not in noise}
    return kept


def _hidden(found: Difference) -> Difference:
    """A Secret shows the names of its keys only."""
    if not found.path.startswith(("data", "stringData")):
        return found
    before, after = (None if value is None else _HIDDEN for value in (found.before, found.after))
    return Difference(found.path, before, after)


_same: Callable[[Difference], Difference] = lambda found: found


def _none(value: Any) -> Any:
    return None if value is _ABSENT else value


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else str(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _LONGEST or "sha256:" in text else f"{text[: _LONGEST - 3]}..."
