"""A Kubernetes cluster, asked for plain objects: the JSON of its API.

lightkube reads the kubeconfig (certificates, tokens, exec plugins); its typed models are left out,
since a chart may hold objects of any kind.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from dogctl.clouds.kubeconfig import Kubeconfig, fingerprint
from dogctl.clouds.kubernetes_errors import UNREACHABLE, failed, no_kind, refused, unreachable
from dogctl.errors import ConfigError, DogctlError

if TYPE_CHECKING:
    import httpx2
    from httpx2.websockets import WebSocketSession
    from lightkube.config.kubeconfig import SingleConfig

Object = dict[str, Any]

MANAGER = "dogctl"
TIMEOUT = 15.0
TRIES = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
PAGE = 500
LARGEST_MESSAGE = 1024 * 1024
UNAUTHORIZED = 401
NOT_FOUND = 404
TOO_MANY = 429
# What is worth another try.
PASSING = frozenset({TOO_MANY, 500, 502, 503, 504})

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"


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
VOLUME_CLAIMS = Kind("v1", "persistentvolumeclaims")
EVENTS = Kind("v1", "events")
DEPLOYMENTS = Kind("apps/v1", "deployments")
STATEFUL_SETS = Kind("apps/v1", "statefulsets")
DAEMON_SETS = Kind("apps/v1", "daemonsets")
REPLICA_SETS = Kind("apps/v1", "replicasets")
JOBS = Kind("batch/v1", "jobs")
INGRESSES = Kind("networking.k8s.io/v1", "ingresses")
AUTOSCALERS = Kind("autoscaling/v2", "horizontalpodautoscalers")
BUDGETS = Kind("policy/v1", "poddisruptionbudgets")
LEASES = Kind("coordination.k8s.io/v1", "leases")
ACCESS_REVIEWS = Kind("authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False)


@dataclass(frozen=True)
class Ran:
    """A command that ended in a container."""

    code: int
    stdout: bytes
    stderr: bytes


class Kubernetes:
    """One cluster. Every method may be called from several threads and raises DogctlError.

    Args:
        read: gives the kubeconfig, fresh each time: it is asked again when the cluster says that
            the token has expired.
        pause: waits some seconds between two tries; may raise Cancelled.
        renew: hears that the token was refused, before the kubeconfig is read again.
        explain: raises what is wrong, if it knows, once the cluster cannot be reached.
    """

    def __init__(
        self,
        read: Callable[[], Kubeconfig],
        *,
        pause: Callable[[float], None] = time.sleep,
        renew: Callable[[], None] = lambda: None,
        explain: Callable[[], None] = lambda: None,
    ) -> None:
        self._read = read
        self._renew = renew
        self._explain = explain
        self._pause = pause
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None
        self._kinds: dict[str, dict[str, Kind]] = {}

    @property
    def server(self) -> str:
        """The address of its API."""
        return str(self._read()["clusters"][0]["cluster"]["server"])

    def identity(self) -> str:
        """Which cluster it is, whatever it is called: the UID of kube-system and its authority."""
        system = self.get(NAMESPACES, "kube-system")
        uid = system["metadata"]["uid"] if system else "00000000-0000-0000-0000-000000000000"
        return f"{uid}/{fingerprint(self._read())}"

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """The object; None if there is none."""
        answer = self._send("GET", kind.path(namespace, name), none=True)
        return _object(answer)

    def select(
        self, kind: Kind, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """All objects that the selectors select; of every namespace without one."""
        params = {"limit": str(PAGE)}
        params |= {"labelSelector": labels} if labels else {}
        params |= {"fieldSelector": fields} if fields else {}
        found: list[Object] = []
        while True:
            page = self._send("GET", kind.path(namespace), params=params).json()
            found += page["items"] or []
            more = page["metadata"].get("continue")
            if not more:
                return found
            params["continue"] = more

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
        answer = self._send("DELETE", kind.path(namespace, name), content=content, none=True)
        return answer is not None

    def kind(self, version: str, kind: str) -> Kind:
        """The kind that a manifest names as `apps/v1`, `Deployment`.

        Raises DogctlError with the code `no-such-kind` if the cluster does not know it.
        """
        if version not in self._kinds:
            root = "/api" if "/" not in version else "/apis"
            answer = self._send("GET", f"{root}/{version}", none=True)
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

    def may(self, verb: str, kind: Kind, namespace: str | None = None) -> bool:
        """Whether we are allowed to."""
        group = kind.version.rpartition("/")[0]
        what = {"verb": verb, "group": group, "resource": kind.plural, "namespace": namespace or ""}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": what},
        }
        return bool(self.create(ACCESS_REVIEWS, body)["status"]["allowed"])

    def raw(self, path: str, params: Mapping[str, str] | None = None) -> bytes | None:
        """The body of any GET, such as `/version` or metrics; None if there is nothing."""
        answer = self._send("GET", path, params=params, none=True)
        return answer.content if answer is not None else None

    def ask_service(
        self, namespace: str, service: str, port: str, path: str, timeout: float = TIMEOUT
    ) -> tuple[int, bytes]:
        """What a service answers to a GET that comes through the cluster's API: status and body.

        A cluster whose API cannot reach the service answers 503.
        """
        where = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}"
        answer = self._once("GET", where, timeout=timeout)
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
        answer = self._send("GET", f"{PODS.path(namespace, pod)}/log", params=params)
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
        """What a container said and says, until it ends or the connection does.

        Args:
            since: so many seconds ago, or a time, of which the second counts.
            stamped: each line begins with its time, and a space.
        """
        params = _log_params(container, lines, since, stamped) | {"follow": "true"}
        path = f"{PODS.path(namespace, pod)}/log"
        with (
            unreachable(self.server),
            self._http().stream("GET", path, params=params, timeout=None) as said,
        ):
            if said.is_error:
                said.read()
                raise refused(said)
            yield from said.iter_lines()

    def run(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: bytes | BinaryIO | None = None,
        stdout: BinaryIO | None = None,
    ) -> Ran:
        """Run a command in a container to its end; a non-zero exit does not raise.

        Args:
            stdin: what it reads, to the end; nothing without it.
            stdout: where what it prints goes, which is then not in the answer.
        """
        from lightkube import Client
        from lightkube.core.exceptions import ApiError

        with unreachable(self.server), Client(config=single(self._read())) as client:
            try:
                done = client.exec(
                    pod,
                    namespace=namespace,
                    container=container,
                    command=command,
                    stdin=stdin,
                    stdout=stdout or True,
                    stderr=True,
                    decode=None,
                )
            except ApiError as error:
                raise failed(str(error), self.server) from None
        return Ran(done.exit_code, cast(bytes, done.stdout or b""), cast(bytes, done.stderr))

    @contextmanager
    def websocket(
        self, path: str, params: Mapping[str, str | Sequence[str]], protocols: Sequence[str]
    ) -> Iterator[WebSocketSession]:
        """A connection for messages in both directions. Raises DogctlError if it is refused."""
        with unreachable(self.server), ExitStack() as stack:
            yield self._upgraded(stack, path, params, protocols)

    def _change(
        self,
        method: str,
        path: str,
        body: Object | Sequence[Object],
        *,
        how: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Object:
        params = {"fieldManager": MANAGER} | dict(params or {})
        content = json.dumps(body).encode()
        answer = self._send(method, path, params=params, content=content, how=how)
        return dict(answer.json())

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        how: str = "application/json",
        none: bool = False,
    ) -> Any:
        """The answer, after some tries where the cause may pass; None for a 404 if `none`.

        A POST whose answer was lost is not sent again: it may have been heard.
        """
        for left in reversed(range(TRIES)):
            try:
                answer = self._once(method, path, params=params, content=content, how=how)
            except DogctlError as error:
                if error.code != UNREACHABLE:
                    raise
                if method == "POST" or not left:
                    self._explain()
                    raise
                self._pause(FIRST_PAUSE * 2 ** (TRIES - left - 1))
                continue
            heard = method == "POST" and answer.status_code != TOO_MANY
            if answer.status_code in PASSING and left and not heard:
                self._pause(_asked_pause(answer) or FIRST_PAUSE * 2 ** (TRIES - left - 1))
                continue
            if none and answer.status_code == NOT_FOUND:
                return None
            if answer.is_error:
                raise refused(answer)
            return answer
        raise AssertionError("the last try answers or raises")

    def _once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        how: str = "application/json",
        timeout: float = TIMEOUT,
    ) -> httpx2.Response:
        def ask() -> httpx2.Response:
            return self._http().request(
                method,
                path,
                params=params,
                content=content,
                headers={"Content-Type": how},
                timeout=timeout,
            )

        with unreachable(self.server):
            answer = ask()
            if answer.status_code == UNAUTHORIZED:
                self._renew()
                self._forget()
                answer = ask()
            return answer

    def _upgraded(
        self,
        stack: ExitStack,
        path: str,
        params: Mapping[str, str | Sequence[str]],
        protocols: Sequence[str],
        *,
        again: bool = True,
    ) -> WebSocketSession:
        from httpx2.websockets import WebSocketUpgradeError

        opened = self._http().websocket(
            path,
            params=params,
            subprotocols=list(protocols),
            max_message_size_bytes=LARGEST_MESSAGE,
        )
        try:
            return stack.enter_context(opened)
        except WebSocketUpgradeError as error:
            if error.response.status_code == UNAUTHORIZED and again:
                self._forget()
                return self._upgraded(stack, path, params, protocols, again=False)
            # What it says cannot be read any more; a plain request is refused in the same words.
            raise refused(self._http().get(path, params=params)) from None

    def _http(self) -> httpx2.Client:
        """One for all threads, since to connect with TLS takes longer than to ask."""
        with self._lock:
            if self._client is None:
                self._client = connect(self._read())
            return self._client

    def _forget(self) -> None:
        """Let the next request read the kubeconfig again. Others may still use the old client."""
        with self._lock:
            self._client = None


def connect(config: Kubeconfig) -> httpx2.Client:
    """A client that is who the kubeconfig says. Raises ConfigError where that cannot be read."""
    from lightkube.config.client_adapter import Client, ConnectionParams

    try:
        return Client(single(config), ConnectionParams())
    except (OSError, ValueError) as error:  # certificates that are not there, or no certificates
        raise _unusable(config, error) from None


def single(config: Kubeconfig) -> SingleConfig:
    """The kubeconfig as lightkube has it. Raises ConfigError."""
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.core.exceptions import ConfigError as UnusableError

    # It takes plugins of v1beta1 only; what they print is the same in v1.
    user = dict(config["users"][0]["user"])
    if plugin := user.get("exec"):
        user["exec"] = {**plugin, "apiVersion": "client.authentication.k8s.io/v1beta1"}
    try:
        found = KubeConfig.from_dict({**config, "users": [{**config["users"][0], "user": user}]})
        return cast("SingleConfig", found.get())
    except (UnusableError, TypeError) as error:
        raise _unusable(config, error) from None


def _unusable(config: Kubeconfig, error: Exception) -> ConfigError:
    return ConfigError(
        f"the kubeconfig cannot be used: {error}",
        code="broken-kubeconfig",
        where=config["current-context"],
        hint="correct the kubeconfig",
    )


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


def _asked_pause(answer: httpx2.Response) -> float | None:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_PAUSE) if asked.isdigit() else None
