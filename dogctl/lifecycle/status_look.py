"""The questions of `dogctl status --env E`, all asked at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from dogctl.clouds import certificates
from dogctl.clouds.certificates import Certificate
from dogctl.clouds.kubernetes import (
    AUTOSCALERS,
    BUDGETS,
    DAEMON_SETS,
    DEPLOYMENTS,
    EVENTS,
    INGRESSES,
    PODS,
    REPLICA_SETS,
    SECRETS,
    SERVICES,
    STATEFUL_SETS,
    Kind,
)
from dogctl.clouds.kubernetes_errors import FORBIDDEN
from dogctl.errors import DogctlError
from dogctl.lifecycle import record
from dogctl.lifecycle.address import http_port
from dogctl.lifecycle.asking import Asking, ask_each
from dogctl.lifecycle.cluster import check_pin
from dogctl.lifecycle.manifest import Object, key, objects
from dogctl.lifecycle.reach import known, reach
from dogctl.lifecycle.release_parts import SERVING, app_workload, of_release, service_of
from dogctl.lifecycle.revisions import present, revisions
from dogctl.lifecycle.visits import counted

if TYPE_CHECKING:
    from dogctl.config.checks import Number
    from dogctl.config.model import Project
    from dogctl.lifecycle.cluster import Cluster
    from dogctl.tools.helm_storage import Revision

# Those of the release are asked for by kind, since the manifest is not known before.
LISTED = {
    "Deployment": DEPLOYMENTS,
    "StatefulSet": STATEFUL_SETS,
    "DaemonSet": DAEMON_SETS,
    "Service": SERVICES,
    "Ingress": INGRESSES,
    "HorizontalPodAutoscaler": AUTOSCALERS,
    "PodDisruptionBudget": BUDGETS,
}
PIN, IDENTITY, VERSION, REVISIONS, RECORDS = "pin", "identity", "version", "revisions", "records"
POD, REPLICA_SET, WARNING, TLS = "Pod", "ReplicaSet", "warnings", "certificates"
HEALTH, COUNT, URL, OTHERS, SERVED = "health", "count", "url", "objects", "served certificates"
# For all questions together.
SECONDS = 8.0
_REFUSED = (401, 403)
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
_STATUS = ("Status", "v1")

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Look:
    """What is asked about a release, and what has been answered."""

    project: Project
    cluster: Cluster
    asking: Asking = field(default_factory=lambda: Asking(SECONDS))

    def ask(self) -> None:
        """Ask everything. Raises DogctlError if nothing at all is answered, or it is the wrong cluster."""
        asking, cluster, namespace = self.asking, self.cluster, self.cluster.namespace
        kubernetes = cluster.kubernetes
        asking.ask(PIN, lambda: check_pin(self.project, cluster, changes=False))
        asking.ask(IDENTITY, kubernetes.identity)
        asking.ask(VERSION, lambda: json.loads(kubernetes.raw("/version") or b"{}"))
        asking.ask(REVISIONS, self._revisions)
        asking.ask(RECORDS, lambda: record.read(cluster))
        for kind, address in {**LISTED, POD: PODS, REPLICA_SET: REPLICA_SETS}.items():
            asking.ask(kind, partial(self._list, kind, address))
        warnings = {"fields": "type=Warning"}
        asking.ask(WARNING, lambda: kubernetes.select(EVENTS, namespace, **warnings))
        certain = {"fields": "type=kubernetes.io/tls"}
        asking.ask(TLS, lambda: kubernetes.select(SECRETS, namespace, **certain))
        independent = asking.names
        asking.ask(HEALTH, lambda: self._get(self.project.settings.health), *SERVING, "Service")
        if self.counter:
            asking.ask(COUNT, self._count, *SERVING, "Service")
        asking.ask(URL, self._reach, *SERVING, "Service", "Ingress")
        asking.ask(OTHERS, self._others, REVISIONS)
        asking.ask(SERVED, self._served, "Ingress")
        self._refuse(independent)

    def all(self, kind: str) -> list[Object]:
        """The release's objects of a kind. Raises DogctlError if they could not be asked for."""
        found: list[Object] = self.asking[kind]
        return of_release(found, self.cluster.release, self.cluster.namespace)

    @cached_property
    def workloads(self) -> list[Object]:
        """Those that could be asked for."""
        return [item for kind in SERVING if not self.asking.error(kind) for item in self.all(kind)]

    @cached_property
    def app(self) -> Object | None:
        """The workload that is the app."""
        return app_workload(self.workloads, self.project.settings, self.cluster.release)

    @property
    def service(self) -> Object | None:
        """The service before the app. Raises DogctlError."""
        return service_of(self.app, self.all("Service")) if self.app else None

    @property
    def revision(self) -> Revision | None:
        """The revision that runs, or the last one if none does. Raises DogctlError."""
        found = self.asking[REVISIONS]
        return present(found)

    @cached_property
    def counter(self) -> Number | None:
        return counted(self.project.settings)

    def live(self) -> dict[Key, Object | DogctlError | None]:
        """The manifest's objects as they are, by `manifest.key`; None for what is gone."""
        found: dict[Key, Object | DogctlError | None] = dict(self.asking[OTHERS])
        for item in self.manifest():
            if item["kind"] in LISTED:
                error = self.asking.error(item["kind"])
                listed = self.asking.get(item["kind"], [])
                name = item["metadata"]["name"]
                same = (each for each in listed if each["metadata"]["name"] == name)
                found[key(item)] = error or next(same, None)
        return found

    def manifest(self) -> list[Object]:
        """The objects of the revision that runs. Raises DogctlError."""
        return objects(self.revision.manifest) if self.revision else []

    def _refuse(self, independent: Collection[str]) -> None:
        """A report with nothing in it is none."""
        if error := self.asking.error(PIN):
            raise error
        errors = self.asking.errors(independent)
        if len(errors) == len(independent) - 1:  # without a pin, that one is answered by nobody
            raise errors[0]

    def _revisions(self) -> list[Revision]:
        try:
            found = revisions(self.cluster)
            for each in found[-1:]:
                _ = each.document
        except (ValueError, KeyError) as error:
            raise DogctlError(
                f"Helm's own notes cannot be read: {error}",
                code="broken-release",
                where=f"{self.cluster.namespace}/{self.cluster.release}",
                hint="helm history shows what Helm makes of them",
            ) from None
        return found

    def _list(self, kind: str, address: Kind) -> list[Object]:
        """A list's items do not say what they are."""
        found = self.cluster.kubernetes.select(address, self.cluster.namespace)
        return [{"kind": kind, **item} for item in found]

    def _get(self, path: str) -> tuple[str, int, str] | None:
        """The service, its status and its answer; None if the app has no service."""
        if (service := self.service) is None:
            return None
        name, port = service["metadata"]["name"], http_port(service)
        kubernetes, namespace = self.cluster.kubernetes, self.cluster.namespace
        code, body = kubernetes.ask_service(namespace, name, port, path)
        if code in _REFUSED and (said := own_words(body)):
            raise DogctlError(
                f"the cluster refuses: {said}",
                code=FORBIDDEN,
                where=f"{namespace}/services/{name}/proxy",
                hint="let the cluster's administrator grant that",
            )
        return name, code, (own_words(body) or body.decode(errors="replace"))

    def _count(self) -> tuple[str, int, str] | None:
        return self._get(self.counter.path) if self.counter and self.counter.path else None

    def _reach(self) -> list[dict[str, Any]]:
        if (service := self.service) is None:
            return []
        found = known(self.cluster, self.project, service, self.asking.get("Ingress", []))
        health = self.project.settings.health
        return ask_each(lambda address: reach(address, health), found)

    def _others(self) -> dict[Key, Object | DogctlError | None]:
        """What no list has."""
        wanted = [item for item in self.manifest() if item["kind"] not in LISTED]
        return dict(ask_each(lambda item: (key(item), self._there(item)), wanted))

    def _there(self, item: Object) -> Object | DogctlError | None:
        kubernetes = self.cluster.kubernetes
        try:
            kind = kubernetes.kind(item["apiVersion"], item["kind"])
            namespace = item["metadata"].get("namespace") or self.cluster.namespace
            return kubernetes.get(kind, item["metadata"]["name"], namespace)
        except DogctlError as error:
            return error

    def _served(self) -> dict[str, Certificate | DogctlError]:
        hosts = list(_secure_hosts(self.all("Ingress")))
        return dict(zip(hosts, ask_each(_shown, hosts), strict=True))


def own_words(body: bytes) -> str | None:
    """What the cluster says where an answer is its own, and not that of the app behind it."""
    try:
        said = json.loads(body)
    except ValueError:
        return None
    is_own = isinstance(said, dict) and (said.get("kind"), said.get("apiVersion")) == _STATUS
    return str(said.get("message")) if is_own else None


def _secure_hosts(ingresses: Iterable[Object]) -> dict[str, None]:
    return {
        host: None
        for ingress in ingresses
        for tls in ingress["spec"].get("tls") or ()
        for host in tls.get("hosts") or ()
        if "*" not in host
    }


def _shown(host: str) -> Certificate | DogctlError:
    try:
        return certificates.served(host)
    except DogctlError as error:
        return error
