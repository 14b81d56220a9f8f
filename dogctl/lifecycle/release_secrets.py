"""The secrets that a release brings: from dogctl's environment into the cluster's Secrets.

They are in no values of Helm's, which would show them to whoever may read the release. The chart
keeps what it finds in its Secrets, so they are put there just before Helm is called. A new Secret
says that it is Helm's, so that Helm takes it over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import SECRETS, Object
from dogctl.lifecycle import cluster_secrets, record
from dogctl.lifecycle.cluster_secrets import PASSWORD, ROOT_PASSWORD, Store, decoded, own_stamps
from dogctl.lifecycle.release_diff import Action, Change, Difference
from dogctl.lifecycle.secrets_edits import edits_of, live_users, patch, stamp
from dogctl.lifecycle.secrets_journal import Edit
from dogctl.secrets import MASK, Secret

if TYPE_CHECKING:
    from dogctl.config.model import Project, Settings
    from dogctl.lifecycle.cluster import Cluster

_SETTINGS = {
    "DATABASE_URL": "database_url",
    PASSWORD: "db_password",
    "DB_SECRET": "db_secret",
    "SECRET_KEYS": "secret_keys",
}
_ORIGIN = "dogctl release"


@dataclass(frozen=True)
class Brought:
    """What a release is to write before Helm is called.

    Args:
        store: the Secrets as they are.
        edits: the values that are not there yet.
        rolled: the workloads whose pods these values reach, as people call them.
    """

    store: Store
    edits: tuple[Edit, ...]
    rolled: tuple[str, ...] = ()

    def secrets(self) -> Iterator[Secret]:
        """The new values themselves, for the redactor."""
        return (Secret(decoded(each.new)) for each in self.edits)

    def changes(self, known: Sequence[Change]) -> Iterator[Change]:
        """The differences, beside what is known to change."""
        new = {each.title for each in known if each.action is Action.CREATE}
        for secret in dict.fromkeys(each.secret for each in self.edits):
            own = [each for each in self.edits if each.secret == secret]
            there = f"Secret/{secret}" not in new
            yield Change(
                Action.CHANGE if there else Action.CREATE,
                f"Secret/{secret}",
                tuple(_difference(each) for each in own),
            )
        told = {each.title for each in known}
        for title in self.rolled if self.edits else ():
            if title not in told:
                yield Change(
                    Action.CHANGE, title, (Difference("pods", "with the old values", "made anew"),)
                )


NOTHING = Brought(Store("", None, {}), ())


def brought(project: Project, cluster: Cluster, manifest: Sequence[Object]) -> Brought:
    """What the environment's secrets would change. Raises DogctlError."""
    settings = project.settings
    store = cluster_secrets.read(cluster, settings, manifest)
    chosen = wanted(settings, cluster.environ, store, manifest)
    cluster_secrets.check_writable(store, list(chosen))
    edits = edits_of(store, (), chosen)
    changed = list(dict.fromkeys(each.secret for each in edits))
    rolled = cluster_secrets.users(manifest, changed)
    return Brought(store, edits, tuple(f"{i['kind']}/{i['metadata']['name']}" for i in rolled))


def wanted(
    settings: Settings, environ: Mapping[str, str], store: Store, manifest: Sequence[Object]
) -> dict[str, Secret]:
    """The secrets that the environment gives, as far as this release has a place for them.

    The passwords of a database of its own are made with it, and changed by `dogctl secrets` only.
    """
    given: dict[str, Secret | None] = {
        name: getattr(settings, key) for name, key in _SETTINGS.items()
    }
    given |= {n: value for n, value in settings.variables.items() if isinstance(value, Secret)}
    if store.database:
        given[ROOT_PASSWORD] = Secret(environ.get(ROOT_PASSWORD, ""))
    used = {store.app} if cluster_secrets.users(manifest, [store.app]) else set()
    used |= {store.database.secret} if store.database else set()
    return {
        name: value
        for name, value in given.items()
        if value
        and value.reveal()
        and (place := store.place(name)).secret in used
        and not (store.of_database(place) and store.found[place.secret])
    }


def write(cluster: Cluster, found: Brought) -> None:
    """Put the values there. Raises DogctlError."""
    noted = f"{record.now()} {_ORIGIN}"
    for secret in dict.fromkeys(each.secret for each in found.edits):
        own = [each for each in found.edits if each.secret == secret]
        if found.store.found[secret]:
            patch(cluster, {each: (each.new, noted) for each in own})
        else:
            cluster.kubernetes.apply(SECRETS, _new(cluster, secret, own, noted), cluster.namespace)


def roll(
    cluster: Cluster,
    settings: Settings,
    manifest: Sequence[Object],
    found: Brought,
    *,
    back: bool = False,
) -> None:
    """Have pods made anew that have other values, where the chart does not do that itself.

    Args:
        back: the values of before are back: it is for those only that have been made anew.

    Raises DogctlError.
    """
    changed = {each.secret for each in found.edits if found.store.found[each.secret]}
    there = cluster_secrets.read(cluster, settings, manifest) if changed else found.store
    store = replace(there, found={name: there.found[name] for name in changed})
    for item in live_users(cluster, manifest, store):
        if not back or cluster_secrets.is_stale(item, store):
            stamp(cluster, item, own_stamps(item, store))


def take_back(
    cluster: Cluster, settings: Settings, manifest: Sequence[Object], found: Brought
) -> None:
    """Put the values back that were there before. Raises DogctlError."""
    patch(cluster, {each: (each.old, each.noted) for each in found.edits})
    roll(cluster, settings, manifest, found, back=True)


def _new(cluster: Cluster, secret: str, edits: Sequence[Edit], noted: str) -> Object:
    """A Secret that Helm takes over.

    https://helm.sh/docs/faq/changes_since_helm2/
    """
    notes = [cluster_secrets.note(each.key, noted) for each in edits]
    annotations = {
        "meta.helm.sh/release-name": cluster.release,
        "meta.helm.sh/release-namespace": cluster.namespace,
        **dict(note for note in notes if note),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret,
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": annotations,
        },
        "type": "Opaque",
        "data": {each.key: each.new for each in edits},
    }


def _difference(edit: Edit) -> Difference:
    return Difference(f"data.{edit.key}", MASK if edit.old is not None else None, MASK)
