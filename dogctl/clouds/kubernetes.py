"""A Kubernetes cluster, asked for plain objects: the JSON of its API.

lightkube reads the kubeconfig (certificates, tokens, exec plugins); its typed models are left out,
since a chart may hold objects of any kind.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dogctl.clouds.kubeconfig import Kubeconfig, fingerprint
from dogctl.clouds.kubernetes_errors import failed, no_kind
from dogctl.clouds.kubernetes_http import (
    JSON,
    JSON_PATCH,
    TIMEOUT,
    TRIES,
    Connection,
    SilentError,
)
from dogctl.clouds.kubernetes_websocket import Stream, opened
from dogctl.errors import DogctlError
from dogctl.secrets import Remember

if TYPE_CHECKING:
    import httpx2

__all__ = ["APPLY", "JSON_PATCH", "MERGE", "Kind", "Kubernetes"]

Object = dict[str, Any]

MANAGER = "dogctl"
PAGE = 500
# A list that was being read has changed for too long: it is read from the beginning.
GONE = 410

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Kind:
    """A kind of objects, as its address has it: `apps/v1`, `deployments`."""

    version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Where they are, or one of them; of every namespace without one."""
        root = "/api" if "/" not in self.version else "/apis"
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}/{self.version}{within}/{self.plural}" + (f"/{name}" if name else "")


NAMESPACES = Kind("v1", "namespaces", namespaced=False)
NODES = Kind("v1", "nodes", namespaced=False)
PODS = Kind("v1", "pods")
SERVICES = Kind("v1", "services")
SECRETS = Kind("v1", "secrets")
CONFIG_MAPS = Kind("v1", "configmaps")
VOLUMES = Kind("v1", "persistentvolumes", namespaced=False)
VOLUME_CLAIMS = Kind("v1", "persistentvolumeclaims")
EVENTS = Kind("v1", "events")
DEPLOYMENTS = Kind("apps/v1", "deployments")
STATEFUL_SETS = Kind("apps/v1", "statefulsets")
DAEMON_SETS = Kind("apps/v1", "daemonsets")
REPLICA_SETS = Kind("apps/v1", "replicasets")
CONTROLLER_REVISIONS = Kind("apps/v1", "controllerrevisions")
JOBS = Kind("batch/v1", "jobs")
CRON_JOBS = Kind("batch/v1", "cronjobs")
INGRESSES = Kind("networking.k8s.io/v1", "ingresses")
AUTOSCALERS = Kind("autoscaling/v2", "horizontalpodautoscalers")
BUDGETS = Kind("policy/v1", "poddisruptionbudgets")
LEASES = Kind("coordination.k8s.io/v1", "leases")
ACCESS_REVIEWS = Kind("authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False)


class Kubernetes:
    """One cluster. Every method may be called from several threads and raises DogctlError.

    Args:
        read: gives the kubeconfig, fresh each time: it is asked again when the cluster says that
            the token has expired.
        pause: waits some seconds between two tries; may raise Cancelled.
        renew: hears that the token was refused, before the kubeconfig is read again.
        explain: raises what is wrong, if it knows, once the cluster cannot be reached.
        remember: hears of every token and key before it is used, those of a plugin too.
    """

    def __init__(
        self,
        read: Callable[[], Kubeconfig],
        *,
        pause: Callable[[float], object] = time.sleep,
        renew: Callable[[], None] = lambda: None,
        explain: Callable[[], None] = lambda: None,
        remember: Remember = lambda _: None,
    ) -> None:
        self._api = Connection(read, pause=pause, renew=renew, explain=explain, remember=remember)
        self._kinds: dict[str, dict[str, Kind]] = {}

    @property
    def server(self) -> str:
        """The address of its API."""
        return self._api.server

    def identity(self) -> str:
        """Which cluster it is, whatever it is called: the UID of kube-system and its authority."""
        system = self.get(NAMESPACES, "kube-system")
        uid = system["metadata"]["uid"] if system else "00000000-0000-0000-0000-000000000000"
        return f"{uid}/{fingerprint(self._api.read())}"

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """The object; None if there is none."""
        answer = self._api.send("GET", kind.path(namespace, name), none=True)
        return _object(answer)

    def select(
        self, kind: Kind, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """All objects that the selectors select; of every namespace without one."""
        found: list[Object] = []
        self.visit(kind, found.append, namespace, labels=labels, fields=fields, again=found.clear)
        return found

    def visit(
        self,
        kind: Kind,
        see: Callable[[Object], object],
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        again: Callable[[], object] = lambda: None,
        page: int | None = None,
    ) -> None:
        """Show all such objects to `see`, without keeping them.

        Args:
            again: hears that those that were shown so far come once more, from the beginning.
            page: how many are asked for at a time.
        """
        params = {"limit": str(page or PAGE)}
        params |= {"labelSelector": labels} if labels else {}
        params |= {"fieldSelector": fields} if fields else {}
        for _ in range(TRIES):
            try:
                for each in self._pages(kind.path(namespace), params):
                    see(each)
            except DogctlError as error:
                if (error.data or {}).get("status") != GONE:
                    raise
                again()
            else:
                return
        raise failed("its objects change faster than they can be read", self.server)

    def create(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        """A new object. Raises DogctlError with the code `conflict` if there is one already."""
        return self._change("POST", kind.path(namespace), body)

    def replace(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        """Put an object in the place of the one it was made from, known by its resourceVersion.

        Raises DogctlError with the code `conflict` if that has changed since.
        """
        path = kind.path(namespace, body["metadata"]["name"])
        return self._change("PUT", path, body)

    def patch(
        self,
        kind: Kind,
        name: str,
        body: Object | Sequence[Object],
        namespace: str | None = None,
        *,
        how: str = MERGE,
    ) -> Object:
        """Change an object. Raises DogctlError, with the code `not-found` if there is none."""
        return self._change("PATCH", kind.path(namespace, name), body, how=how)

    def apply(
        self,
        kind: Kind,
        body: Object,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        manager: str = MANAGER,
    ) -> Object:
        """Make an object, or let it have these values, whoever owned the fields before.

        https://kubernetes.io/docs/reference/using-api/server-side-apply/
        """
        params = {"fieldManager": manager, "force": "true"}
        params |= {"dryRun": "All"} if dry_run else {}
        path = kind.path(namespace, body["metadata"]["name"])
        return self._change("PATCH", path, body, how=APPLY, params=params)

    def delete(
        self, kind: Kind, name: str, namespace: str | None = None, *, uid: str | None = None
    ) -> bool:
        """Whether it was there; with a UID only that very object is deleted."""
        body: Object = {"propagationPolicy": "Background"}
        body |= {"preconditions": {"uid": uid}} if uid else {}
        content = json.dumps(body).encode()
        answer = self._api.send("DELETE", kind.path(namespace, name), content=content, none=True)
        return answer is not None

    def kind(self, version: str, kind: str) -> Kind:
        """The kind that a manifest names as `apps/v1`, `Deployment`.

        Raises DogctlError with the code `no-such-kind` if the cluster does not know it.
        """
        if version not in self._kinds:
            root = "/api" if "/" not in version else "/apis"
            answer = self._api.send("GET", f"{root}/{version}", none=True)
            resources = answer.json()["resources"] if answer is not None else []
            self._kinds[version] = {
                each["kind"]: Kind(version, each["name"], each["namespaced"])
                for each in resources
                if "/" not in each["name"]
            }
        try:
            return self._kinds[version][kind]
        except KeyError:
            raise no_kind(version, kind) from None

    def may(self, verb: str, kind: Kind, namespace: str | None = None, *, part: str = "") -> bool:
        """Whether we are allowed to, with the objects or with a part of them, such as `proxy`."""
        group = kind.version.rpartition("/")[0]
        what = {"verb": verb, "group": group, "resource": kind.plural, "namespace": namespace or ""}
        what |= {"subresource": part} if part else {}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": what},
        }
        return bool(self.create(ACCESS_REVIEWS, body)["status"]["allowed"])

    def raw(self, path: str, params: Mapping[str, str] | None = None) -> bytes | None:
        """The body of any GET, such as `/version` or metrics; None if there is nothing."""
        answer = self._api.send("GET", path, params=params, none=True)
        return answer.content if answer is not None else None

    def ask_service(
        self, namespace: str, service: str, port: str, path: str, timeout: float = TIMEOUT
    ) -> tuple[int, bytes]:
        """What a service answers to a GET that comes through the cluster's API: status and body.

        A cluster whose API cannot reach the service answers 503.
        """
        where = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}"
        answer = self._api.once("GET", where, timeout=timeout)
        return answer.status_code, answer.content

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        lines: int | None = None,
        previous: bool = False,
        since: int | str | None = None,
        stamped: bool = False,
    ) -> list[str]:
        """What a container said: its last lines, or all of the last seconds.

        Args:
            since: so many seconds ago, or a time.
            previous: what it said before its last restart.
            stamped: each line begins with its time, and a space.
        """
        params = _log_params(container, lines, since, stamped)
        params |= {"previous": "true"} if previous else {}
        answer = self._api.send("GET", f"{PODS.path(namespace, pod)}/log", params=params)
        said: bytes = answer.content
        return said.decode(errors="replace").removesuffix("\n").split("\n") if said else []

    def follow(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        lines: int | None = None,
        since: int | str | None = None,
        stamped: bool = False,
    ) -> Iterator[str]:
        """What a container said and says, until it ends, or the connection does or may have done.

        Args:
            since: so many seconds ago, or a time, of which the second counts.
            stamped: each line begins with its time, and a space.
        """
        params = _log_params(container, lines, since, stamped) | {"follow": "true"}
        with (
            suppress(SilentError),
            self._api.stream(f"{PODS.path(namespace, pod)}/log", params) as said,
        ):
            yield from said.iter_lines()

    @contextmanager
    def stream(
        self, path: str, params: Mapping[str, str | Sequence[str]], protocols: Sequence[str]
    ) -> Iterator[Stream]:
        """A connection for messages in both directions. Raises DogctlError if it is refused."""
        with ExitStack() as stack:
            with self._api.explained():
                found = self._api.authorized(
                    lambda session: stack.enter_context(opened(session, path, params, protocols))
                )
            yield found

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[Object]:
        more = ""
        while True:
            page = self._api.send(
                "GET", path, params={**params, **({"continue": more} if more else {})}
            ).json()
            yield from page["items"] or ()
            more = page["metadata"].get("continue")
            if not more:
                return

    def _change(
        self,
        method: str,
        path: str,
        body: Object | Sequence[Object],
        *,
        how: str = JSON,
        params: Mapping[str, str] | None = None,
    ) -> Object:
        params = {"fieldManager": MANAGER} | dict(params or {})
        content = json.dumps(body).encode()
        answer = self._api.send(method, path, params=params, content=content, how=how)
        return dict(answer.json())


def _object(answer: httpx2.Response | None) -> Object | None:
    return dict(answer.json()) if answer is not None else None


def _log_params(
    container: str, lines: int | None, since: int | str | None, stamped: bool
) -> dict[str, str]:
    params = {"container": container}
    params |= {"timestamps": "true"} if stamped else {}
    params |= {"tailLines": str(lines)} if lines is not None else {}
    unit = "sinceTime" if isinstance(since, str) else "sinceSeconds"
    params |= {unit: str(since)} if since is not None else {}
    return params
