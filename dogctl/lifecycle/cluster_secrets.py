"""The Secrets that an app in a cluster has its variables from, and when each value was changed.

Pure, but for `read`. When and by what a value was changed is noted beside it, in an annotation of
the Secret; of a value that somebody else put there, the cluster knows who and when.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dogctl.clouds.kubernetes import MANAGER, SECRETS, Object
from dogctl.errors import ConfigError
from dogctl.lifecycle.database import Database, Place, find_database
from dogctl.lifecycle.manifest import containers, pod_template
from dogctl.secrets import Secret

if TYPE_CHECKING:
    from dogctl.config.model import Settings
    from dogctl.lifecycle.cluster import Cluster

# What the app and people call the passwords of the database that the release runs itself.
PASSWORD = "DB_PASSWORD"  # noqa: S105  (a name)
ROOT_PASSWORD = "MYSQL_ROOT_PASSWORD"  # noqa: S105  (a name)
_CHANGED = "changed.dogctl.dev/"
_CHECKSUM = "checksum.dogctl.dev/"
# An annotation's name has no more characters.
_LONGEST = 63
_ROLLED = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True)
class Entry:
    """One value, without the value.

    Args:
        name: the variable, as the app knows it.
        place: where it is.
        changed: when, as far as is known.
        origin: what put it there.
        noted: what dogctl noted beside it.
    """

    name: str
    place: Place
    changed: datetime
    origin: str
    noted: str | None


@dataclass(frozen=True)
class Store:
    """The Secrets of a release as they are.

    Args:
        app: the name of the app's Secret.
        database: the database that the release runs itself, if it does.
        found: the Secrets by name, None for one that is not there.
    """

    app: str
    database: Database | None
    found: Mapping[str, Object | None] = field(repr=False)

    def data(self, secret: str) -> Mapping[str, str]:
        """Values by key, as base64."""
        return (self.found.get(secret) or {}).get("data") or {}

    def value(self, place: Place) -> str | None:
        return self.data(place.secret).get(place.key)

    def place(self, name: str) -> Place:
        """Where a variable is, or would be."""
        passwords = self._passwords()
        return passwords.get(name) or Place(self.app, name)

    def of_database(self, place: Place) -> bool:
        """Whether it is a password that the database has to be told as well."""
        return place in self._passwords().values()

    def entries(self) -> list[Entry]:
        """Every value that there is."""
        places = {key: Place(self.app, key) for key in self.data(self.app)}
        places |= {n: place for n, place in self._passwords().items() if self.value(place)}
        return [_entry(name, at, self.found[at.secret] or {}) for name, at in places.items()]

    def secrets(self) -> Iterator[Secret]:
        """Every value itself, for the redactor."""
        for name in self.found:
            for value in self.data(name).values():
                yield Secret(decoded(value))

    def _passwords(self) -> dict[str, Place]:
        known = self.database
        return {PASSWORD: known.password, ROOT_PASSWORD: known.root_password} if known else {}


def read(cluster: Cluster, settings: Settings, manifest: Sequence[Object]) -> Store:
    """What there is now. Raises DogctlError."""
    database = find_database(manifest)
    app = app_secret(settings, manifest, cluster.release)
    names = dict.fromkeys([app, *((database.secret,) if database else ())])
    kubernetes = cluster.kubernetes
    found = {name: kubernetes.get(SECRETS, name, cluster.namespace) for name in names}
    return Store(app, database, found)


def app_secret(settings: Settings, manifest: Sequence[Object], release: str) -> str:
    """The Secret with the app's variables: the setting's, or the one that the app takes all of."""
    if settings.app_secret:
        return settings.app_secret
    whole = [name for item in manifest for name in _taken(item, whole=True)]
    return release if release in whole or not whole else whole[0]


def users(manifest: Sequence[Object], secrets: Sequence[str]) -> list[Object]:
    """The workloads whose pods have variables from one of the Secrets."""
    return [
        item
        for item in manifest
        if item["kind"] in _ROLLED and set(secrets) & {*_taken(item), *_taken(item, whole=True)}
    ]


def _taken(item: Object, *, whole: bool = False) -> Iterator[str]:
    """The Secrets that the pods have variables from, all of their keys or single ones."""
    for container in containers(pod_template(item)):
        if whole:
            sources = (each.get("secretRef") for each in container.get("envFrom") or ())
        else:
            given = (each.get("valueFrom") or {} for each in container.get("env") or ())
            sources = (each.get("secretKeyRef") for each in given)
        yield from (source["name"] for source in sources if source)


def checksum(data: Mapping[str, str]) -> str:
    """As the chart has it, so that its next release finds the pods as they are to be."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def stamps(item: Object, store: Store) -> dict[str, str]:
    """The annotations of a workload's pods that say which values they have."""
    known = pod_template(item).get("metadata", {}).get("annotations") or {}
    taken = {*_taken(item), *_taken(item, whole=True)}
    return {
        _stamp(name, store, known): checksum(store.data(name))
        for name in store.found
        if name in taken
    }


def own_stamps(item: Object, store: Store) -> dict[str, str]:
    """Those of them that no chart writes."""
    return {name: at for name, at in stamps(item, store).items() if name.startswith(_CHECKSUM)}


def is_stale(item: Object, store: Store) -> bool:
    """Whether its pods are known to have other values; nobody knows where there is no stamp."""
    known = pod_template(item).get("metadata", {}).get("annotations") or {}
    return any(known.get(name, value) != value for name, value in stamps(item, store).items())


def _stamp(secret: str, store: Store, known: Mapping[str, str]) -> str:
    own = "checksum/secrets" if secret == store.app else "checksum/database"
    return own if own in known else f"{_CHECKSUM}{secret}"


def note(key: str, text: str) -> tuple[str, str] | None:
    """The annotation that says when and by what a key was changed."""
    return (f"{_CHANGED}{key}", text) if len(key) <= _LONGEST else None


def noted_of(secret: Mapping[str, Any], key: str) -> str | None:
    noted = (secret.get("metadata", {}).get("annotations") or {}).get(f"{_CHANGED}{key}")
    return str(noted) if noted else None


def check_writable(store: Store, names: Sequence[str]) -> None:
    """Raise ConfigError if somebody else keeps the Secret: what we write there would not last."""
    for secret in dict.fromkeys(store.place(name).secret for name in names):
        owners = (store.found[secret] or {}).get("metadata", {}).get("ownerReferences") or ()
        for owner in owners:
            raise ConfigError(
                f"the Secret {secret} is kept by {owner['kind']} {owner['name']}",
                code="secret-not-ours",
                where=secret,
                hint="change the value where that has it from",
            )


def decoded(value: str) -> str:
    return base64.b64decode(value).decode(errors="replace")


def encoded(value: Secret) -> str:
    return base64.b64encode(value.reveal().encode()).decode()


def _entry(name: str, place: Place, secret: Mapping[str, Any]) -> Entry:
    noted = noted_of(secret, place.key)
    owners = [each for each in secret["metadata"].get("managedFields") or () if _owns(each, place)]
    if noted and (not owners or any(each["manager"] == MANAGER for each in owners)):
        at, _, origin = noted.partition(" ")
        with suppress(ValueError):  # somebody else has written there
            return Entry(name, place, _time(at), origin, noted)
    last: Mapping[str, Any] = max(owners, key=lambda each: str(each.get("time", "")), default={})
    at = last.get("time") or secret["metadata"]["creationTimestamp"]
    origin = str(last.get("manager", "unknown"))
    return Entry(name, place, _time(at), "the chart" if origin == "helm" else origin, noted)


def _owns(entry: Mapping[str, Any], place: Place) -> bool:
    """https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management"""
    return f"f:{place.key}" in ((entry.get("fieldsV1") or {}).get("f:data") or {})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
