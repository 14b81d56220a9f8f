"""Clusters that somebody else runs: Google's, and any context of the kubeconfig."""

# ruff: noqa: ARG002  (they have the methods of all targets, and less to do)

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from dogctl.clouds import google
from dogctl.clouds import kubernetes as api
from dogctl.clouds.gke import Gke, Name
from dogctl.clouds.kubeconfig import Kubeconfig, find
from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle import address
from dogctl.secrets import Secret
from dogctl.tools.runner import Listener

if TYPE_CHECKING:
    from dogctl.clouds.kubernetes import Kubernetes
    from dogctl.config.model import Project

INCOMPLETE = "incomplete-target"


class Remote:
    """What they have in common: they run or not, and pull their images."""

    # Of a node, where users may reach its ports.
    addresses: Sequence[str] = (address.EXTERNAL,)

    @property
    def pushes(self) -> bool:
        return True

    def check(self) -> None:
        """Nobody knows more than the API."""

    def renew(self) -> None:
        """The kubeconfig is read anew each time."""

    def running(self, nodes: int | None = None) -> bool:
        raise self._not_ours()

    def start(
        self, nodes: int | None, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> None:
        raise self._not_ours()

    def loaded(self, image: ImageRef) -> ImageRef | None:
        return image

    def load(
        self,
        image: ImageRef,
        listen: Listener | None = None,
        stop: threading.Event | None = None,
    ) -> ImageRef:
        return image

    def url(self, kubernetes: Kubernetes, namespace: str, service: str) -> str | None:
        found = kubernetes.get(api.SERVICES, service, namespace)
        if found is None:
            return None
        ingresses = kubernetes.select(api.INGRESSES, namespace)
        if given := address.ingress_url(ingresses, service) or address.balancer_url(found):
            return given
        port = address.node_port(found)
        host = address.node_host(kubernetes.select(api.NODES), self.addresses) if port else None
        return address.url(address.scheme(found), host, port) if host and port else None

    def _not_ours(self) -> ConfigError:
        return ConfigError(
            "only clusters on this machine can be started: minikube and kind",
            code="not-ours-to-start",
            where="--start",
            hint="leave --start out",
        )


@dataclass(frozen=True)
class Context(Remote):
    """Any context of the kubeconfig."""

    name: str
    environ: Mapping[str, str] = field(repr=False)

    # In a network of one's own, that is where node ports are.
    addresses = (address.EXTERNAL, address.INTERNAL)

    def read(self) -> Kubeconfig:
        return find(self.name, self.environ)


def context(project: Project, environ: Mapping[str, str]) -> Context:
    """The environment's context. Raises ConfigError if it names none."""
    name = project.settings.context
    if name is None:
        raise ConfigError(
            "the target context needs the name of one",
            code="no-context",
            where=f"pyproject.toml:tool.dogctl.env.{project.environment}.context",
            hint='add context = "NAME" there; kubectl config get-contexts lists them',
        )
    return Context(name, environ)


@dataclass(frozen=True)
class GkeTarget(Remote):
    """A cluster at Google."""

    cluster: Gke

    def read(self) -> Kubeconfig:
        return self.cluster.read()

    def check(self) -> None:
        self.cluster.check()

    def renew(self) -> None:
        self.cluster.forget()


def gke(
    project: Project, remember: Callable[[Secret], None], environ: Mapping[str, str]
) -> GkeTarget:
    """The environment's cluster at Google. Raises ConfigError with all that is missing."""
    settings = project.settings
    names = {settings.project_id, settings.gcp_project} - {None}
    if len(names) > 1:
        raise ConfigError(
            "PROJECT_ID and GCP_PROJECT are two names of one setting, and differ:"
            f" {settings.project_id} and {settings.gcp_project}",
            code="two-projects",
            where=f"{project.origins['project_id']}, {project.origins['gcp_project']}",
            hint="set one of them",
        )
    needed = {
        "project-id ($PROJECT_ID)": next(iter(names), None),
        "region ($REGION)": settings.region,
        "cluster ($GKE_CLUSTER_NAME)": settings.cluster,
    }
    if missing := [name for name, value in needed.items() if not value]:
        raise ConfigError(
            f"the target gke needs more settings: {', '.join(missing)}",
            code=INCOMPLETE,
            where=f"pyproject.toml:tool.dogctl.env.{project.environment}",
            hint="add them there, or set the variables",
        )
    key = settings.gcp_credentials or settings.gcp_sa_key
    account = partial(google.account, key, (google.CLOUD, google.EMAIL))
    return GkeTarget(Gke(Name(*map(str, needed.values())), account, remember, environ))
