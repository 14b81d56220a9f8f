"""How the clusters of the several targets are reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dogctl.clouds.kubeconfig import Kubeconfig, find
from dogctl.config.model import Target
from dogctl.errors import ConfigError
from dogctl.secrets import Secret
from dogctl.tools.runner import Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

Read = Callable[[], Kubeconfig]


def kubeconfig_of(
    project: Project,
    remember: Callable[[Secret], None],  # noqa: ARG001
    runner: Runner,  # noqa: ARG001
    environ: Mapping[str, str],
) -> Read:
    """What gives the kubeconfig of the environment's cluster. Raises ConfigError."""
    if project.settings.target is Target.GKE:
        raise NotImplementedError
    context = context_of(project)
    return lambda: find(context, environ)


def context_of(project: Project) -> str:
    """The context that a cluster on this machine, or anywhere else, has in the kubeconfig.

    https://minikube.sigs.k8s.io/docs/commands/start/, https://kind.sigs.k8s.io/docs/user/quick-start/
    """
    settings = project.settings
    if settings.target is Target.MINIKUBE:
        return settings.context or settings.cluster or "minikube"
    if settings.target is Target.KIND:
        return settings.context or f"kind-{settings.cluster or 'kind'}"
    if settings.context is None:
        raise ConfigError(
            "the target context needs the name of one",
            code="no-context",
            where=f"pyproject.toml:tool.dogctl.env.{project.environment}.context",
            hint='add context = "NAME" there; kubectl config get-contexts lists them',
        )
    return settings.context
