"""Clusters on this machine: minikube and kind."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from dogctl.clouds import kubernetes as api
from dogctl.clouds.kubeconfig import NO_CONTEXT, Kubeconfig, find
from dogctl.clouds.kubernetes import Kubernetes
from dogctl.errors import Cancelled, ConfigError, DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle import address
from dogctl.lifecycle.image import is_local
from dogctl.tools import kind as kind_tool
from dogctl.tools import minikube as minikube_tool
from dogctl.tools.docker import Docker
from dogctl.tools.runner import Listener, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

RUNNING = "running"
ABSENT = "cluster-absent"
STOPPED = "cluster-not-running"
READY_SECONDS = 120.0
POLL = 0.5
LONGEST_TAG = 128
SHORT_ID = 12


class Tool(Protocol):
    """What minikube and kind have in common."""

    def nodes(self) -> tuple[str, ...] | None: ...
    def start(
        self, nodes: int | None, listen: Listener | None, stop: threading.Event | None
    ) -> None: ...
    def holds(self, image: ImageRef) -> bool: ...
    def load(
        self, image: ImageRef, listen: Listener | None, stop: threading.Event | None
    ) -> None: ...


@dataclass(frozen=True)
class Local:
    """A cluster on this machine.

    Args:
        called: how people call it, such as `kind cluster dev`.
        remove: the command that removes it.
        environment: the environment's name.
    """

    tool: Tool
    called: str
    context: str
    remove: str
    environment: str
    environ: Mapping[str, str] = field(repr=False)

    @property
    def pushes(self) -> bool:
        return False

    def read(self) -> Kubeconfig:
        try:
            return find(self.context, self.environ)
        except ConfigError as error:
            if error.code == NO_CONTEXT:
                self.check()
            raise

    def renew(self) -> None:
        """The kubeconfig is read anew each time."""

    def check(self) -> None:
        states = self.tool.nodes()
        if states is None:
            raise self._error(f"there is no {self.called}", ABSENT)
        if others := [state for state in states if state != RUNNING]:
            raise self._error(f"the {self.called} does not run: {others[0]}", STOPPED)

    def running(self, nodes: int | None = None) -> bool:
        states = self.tool.nodes()
        if states and nodes and len(states) != nodes:
            count = f"{len(states)} node{'s' if len(states) > 1 else ''}"
            raise ConfigError(
                f"the {self.called} is there with {count}",
                code="other-nodes",
                where="--nodes",
                hint=f"leave --nodes out, or remove it first: {self.remove}",
            )
        return states is not None and set(states) == {RUNNING} and self._is_known()

    def start(
        self, nodes: int | None, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> None:
        self.tool.start(nodes, listen, stop)
        self._wait(stop or threading.Event())

    def loaded(self, image: ImageRef) -> ImageRef | None:
        found = Docker.connect().image(str(image))
        name = name_inside(image, found.id) if found else None
        return name if name and self.tool.holds(name) else None

    def load(
        self, image: ImageRef, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> ImageRef:
        docker = Docker.connect()
        id = _found(docker, image, listen)
        name = name_inside(image, id)
        docker.tag(id, name)
        # An engine that is the cluster's own, as after `minikube docker-env`, has it by now.
        if not self.tool.holds(name):
            self.tool.load(name, listen, stop)
        return name

    def url(self, kubernetes: Kubernetes, namespace: str, service: str) -> str | None:
        found = kubernetes.get(api.SERVICES, service, namespace)
        if found is None:
            return None
        ingresses = kubernetes.select(api.INGRESSES, namespace)
        given = address.ingress_url(ingresses, service) or address.balancer_url(found)
        port = address.node_port(found)
        if given or port is None:
            return given
        return self._at_node(kubernetes, found, port)

    def _at_node(self, kubernetes: Kubernetes, service: address.Object, port: int) -> str | None:
        """A node port, as the tool makes it reachable."""
        raise NotImplementedError

    def _wait(self, stop: threading.Event) -> None:
        """Until its API is ready: nodes that run are not all."""
        kubernetes = Kubernetes(self.read, pause=stop.wait)
        deadline = monotonic() + READY_SECONDS
        while not stop.wait(POLL):
            try:
                kubernetes.raw("/readyz")
                return
            except DogctlError:
                if monotonic() > deadline:
                    raise
        raise Cancelled

    def _is_known(self) -> bool:
        try:
            find(self.context, self.environ)
        except ConfigError:
            return False
        return True

    def _error(self, message: str, code: str) -> DogctlError:
        return DogctlError(
            message,
            code=code,
            where=self.context,
            hint=f"dogctl release --env {self.environment} --start",
        )


@dataclass(frozen=True)
class MinikubeTarget(Local):
    """A profile of minikube."""

    tool: minikube_tool.Minikube

    def _at_node(self, kubernetes: Kubernetes, service: address.Object, port: int) -> str | None:  # noqa: ARG002
        about = service["metadata"]
        return self.tool.url(about["namespace"], about["name"])


@dataclass(frozen=True)
class KindTarget(Local):
    """A cluster of kind."""

    tool: kind_tool.Kind

    def _at_node(self, kubernetes: Kubernetes, service: address.Object, port: int) -> str | None:
        if mapped := self.tool.mapped(port):
            return address.url(address.scheme(service), "127.0.0.1", mapped)
        # Elsewhere the containers are in a virtual machine.
        if sys.platform != "linux":
            return None
        host = address.node_host(kubernetes.select(api.NODES), (address.INTERNAL,))
        return address.url(address.scheme(service), host, port) if host else None


def minikube(project: Project, runner: Runner, environ: Mapping[str, str]) -> MinikubeTarget:
    """The environment's profile."""
    name = project.settings.cluster or "minikube"
    return MinikubeTarget(
        tool=minikube_tool.Minikube(name, runner, environ),
        called=f"minikube profile {name}",
        context=project.settings.context or name,
        remove=f"minikube delete --profile={name}",
        environment=str(project.environment),
        environ=environ,
    )


def kind(project: Project, runner: Runner, environ: Mapping[str, str]) -> KindTarget:
    """The environment's cluster of kind."""
    name = project.settings.cluster or "kind"
    return KindTarget(
        tool=kind_tool.Kind(name, runner, environ),
        called=f"kind cluster {name}",
        context=project.settings.context or f"kind-{name}",
        remove=f"kind delete cluster --name={name}",
        environment=str(project.environment),
        environ=environ,
    )


def name_inside(image: ImageRef, id: str) -> ImageRef:
    """The name of an image in the cluster: other content has another one.

    Pods keep what they have while a name stays the same, and minikube keeps what it has loaded.
    """
    suffix = f"-{id.removeprefix('sha256:')[:SHORT_ID]}"
    return image.tagged((image.tag or "loaded")[: LONGEST_TAG - len(suffix)] + suffix)


def _found(docker: Docker, image: ImageRef, listen: Listener | None) -> str:
    """The id of the image in the local engine, which gets it from its registry if need be."""
    found = docker.image(str(image))
    if found is None and not is_local(image) and (image.tag or image.digest):
        for line in docker.pull(str(image)):
            if listen:
                listen(line)
        found = docker.image(str(image))
    if found is None:
        raise DogctlError(
            f"the engine has no image {image}", code="image-not-built", hint="dogctl build"
        )
    return found.id
