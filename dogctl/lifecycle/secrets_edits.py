"""Single values of secrets that change: which ones, written, and brought to the pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dogctl.clouds.kubernetes import SECRETS, Object
from dogctl.errors import ConfigError
from dogctl.lifecycle import cluster_secrets
from dogctl.lifecycle.cluster_secrets import PASSWORD, ROOT_PASSWORD, Store, encoded
from dogctl.lifecycle.release_diff import Action, Change, Difference
from dogctl.lifecycle.secrets_journal import Edit
from dogctl.lifecycle.workloads import KINDS
from dogctl.secrets import MASK, Secret

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster


def edits_of(store: Store, begun: Sequence[Edit], chosen: Mapping[str, Secret]) -> tuple[Edit, ...]:
    """What changes: what a dead run has begun, and the chosen values that are not there yet.

    A password that the database may have been told already stays what it was to be. What somebody
    else has changed since, such as a release, stays as it is.
    """
    edits = {each.name: each for each in begun if not _overtaken(store, each)}
    for name, value in chosen.items():
        place, new = store.place(name), encoded(value)
        if name in edits:
            if not store.of_database(place):
                edits[name] = replace(edits[name], new=new)
        elif store.value(place) != new:
            noted = cluster_secrets.noted_of(store.found[place.secret] or {}, place.key)
            edits[name] = Edit(name, place.secret, place.key, store.value(place), new, noted)
    return tuple(edits.values())


def _overtaken(store: Store, begun: Edit) -> bool:
    known = (None, begun.old, begun.new)
    return not store.of_database(begun.place) and store.value(begun.place) not in known


def check_values(values: Mapping[str, Any], edits: Sequence[Edit]) -> None:
    """Raise ConfigError if the chart's values say what a secret is: the next release puts it back.

    Args:
        values: those that the release was given.
    """
    given = (values.get("secrets") or {}).get("values") or {}
    places = {f"secrets.values.{name}": name for name, value in given.items() if value is not None}
    database = values.get("database") or {}
    places |= {
        f"database.{key}": name
        for key, name in (("password", PASSWORD), ("rootPassword", ROOT_PASSWORD))
        if database.get(key)
    }
    names = {each.name for each in edits}
    for place, name in places.items():
        if name in names:
            raise ConfigError(
                f"the chart's values say what {name} is, and the next release would put it back",
                code="secret-in-values",
                where=place,
                hint="take it out of the values, release once, and run the command again",
            )


def patch(cluster: Cluster, values: Mapping[Edit, tuple[str | None, str | None]]) -> None:
    """Write values and what is noted beside them, each Secret at once; None takes one away."""
    for secret in dict.fromkeys(each.secret for each in values):
        own = {each.key: value for each, value in values.items() if each.secret == secret}
        notes = [(cluster_secrets.note(key, noted or ""), noted) for key, (_, noted) in own.items()]
        body = {
            "data": {key: value for key, (value, _) in own.items()},
            "metadata": {"annotations": {note[0]: noted for note, noted in notes if note}},
        }
        cluster.kubernetes.patch(SECRETS, secret, body, cluster.namespace)


def live_users(cluster: Cluster, manifest: Sequence[Object], store: Store) -> Iterator[Object]:
    """The workloads that take variables from these Secrets, as they are."""
    for item in cluster_secrets.users(manifest, list(store.found)):
        kind = KINDS[item["kind"]]
        if there := cluster.kubernetes.get(kind, item["metadata"]["name"], cluster.namespace):
            yield {**there, "kind": item["kind"]}


def stamp_all(cluster: Cluster, manifest: Sequence[Object], store: Store) -> None:
    """Have the pods made anew that have other values than those of now."""
    for item in live_users(cluster, manifest, store):
        stamp(cluster, item, cluster_secrets.stamps(item, store))


def stamp(cluster: Cluster, item: Object, stamps: Mapping[str, str]) -> None:
    """Write annotations into a workload's template: its pods are made anew if they are others."""
    if stamps:
        body = {"spec": {"template": {"metadata": {"annotations": dict(stamps)}}}}
        name = item["metadata"]["name"]
        cluster.kubernetes.patch(KINDS[item["kind"]], name, body, cluster.namespace)


def values_of(edits: Sequence[Edit]) -> Iterator[Secret]:
    """Every value itself, old and new, for the redactor."""
    for each in edits:
        for value in (each.old, each.new):
            if value:
                yield Secret(cluster_secrets.decoded(value))


def shown(edit: Edit) -> Change:
    """For a preview, without the values."""
    before = MASK if edit.old is not None else None
    return Change(
        Action.CHANGE, f"Secret/{edit.secret}", (Difference(f"data.{edit.key}", before, MASK),)
    )
