"""The cluster of an environment, and the release in it: how they are reached and what they are.

An environment is pinned to its cluster's identity: a context of the same name that leads elsewhere
is refused, and the kubeconfig's current context is never used.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.clouds.kubeconfig import Kubeconfig
from dogctl.clouds.kubernetes import Kubernetes
from dogctl.errors import ConfigError
from dogctl.lifecycle.targets import kubeconfig_of
from dogctl.secrets import Secret
from dogctl.tools.helm import Helm
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

Remember = Callable[[Secret], None]


@dataclass(frozen=True)
class Cluster:
    """One environment's cluster, and the release in it.

    Args:
        environment: its name.
        release, namespace: of the Helm release.
        read: gives the kubeconfig, with a token that is good for some minutes at least.
    """

    environment: str
    release: str
    namespace: str
    read: Callable[[], Kubeconfig] = field(repr=False)
    history: int
    runner: Runner = field(default=LOCAL, repr=False)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @cached_property
    def kubernetes(self) -> Kubernetes:
        return Kubernetes(self.read)

    @cached_property
    def helm(self) -> Helm:
        return Helm(
            self._kubeconfig_file,
            self.namespace,
            history=self.history,
            runner=self.runner,
            environ=self.environ,
        )

    @cached_property
    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        """For us alone, and removed with this object."""
        return tempfile.TemporaryDirectory(prefix="dogctl-")

    def _kubeconfig_file(self) -> Path:
        """JSON is YAML too."""
        import json

        path = Path(self._folder.name) / "kubeconfig"
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(self.read()))
        new.replace(path)
        return path


def has_cluster(project: Project) -> bool:
    """Whether a command with this environment is about a cluster, and not this machine."""
    return project.environment is not None and project.settings.target is not None


def connect(
    project: Project,
    *,
    remember: Remember = lambda _: None,
    changes: bool = False,
    runner: Runner = LOCAL,
    environ: Mapping[str, str] = os.environ,
) -> Cluster:
    """The cluster of the project's environment, if it is the one that it is pinned to.

    Args:
        remember: hears of every token before it is used.
        changes: whether something will be changed there; a protected environment has to be pinned
            then.

    Raises ConfigError, and DogctlError if the cluster cannot be reached.
    """
    settings, name = project.settings, project.environment
    if name is None:
        raise ConfigError(
            "which environment?",
            code="no-environment",
            where="--env",
            hint=f"add --env NAME; declared: {', '.join(project.environments) or 'none'}",
        )
    if settings.target is None:
        raise ConfigError(
            f"the environment {name} has no target to release to",
            code="no-target",
            where=f"pyproject.toml:tool.dogctl.env.{name}.target",
            hint='add target = "gke", "minikube", "kind" or "context" there',
        )
    release = settings.release or settings.name
    cluster = Cluster(
        environment=name,
        release=release,
        namespace=settings.namespace or settings.prometheus_namespace or release,
        read=kubeconfig_of(project, remember, runner, environ),
        history=settings.history,
        runner=runner,
        environ=environ,
    )
    check_pin(project, cluster, changes=changes)
    return cluster


def check_pin(project: Project, cluster: Cluster, *, changes: bool) -> None:
    """Raise ConfigError if it is another cluster than the one that the environment is pinned to."""
    from dogctl.config.model import Target

    pin, name = project.settings.pin, cluster.environment
    # Google tells itself which cluster it is: by project, region and name.
    named = project.settings.target is Target.GKE
    if pin is None and not (changes and project.settings.protected and not named):
        return
    found = cluster.kubernetes.identity()
    if pin is None:
        raise ConfigError(
            f"{name} is protected, and not pinned to a cluster",
            code="not-pinned",
            where=f"pyproject.toml:tool.dogctl.env.{name}.pin",
            hint=f'if {cluster.kubernetes.server} is the right one, add pin = "{found}" there',
        )
    if found != pin:
        raise ConfigError(
            f"this is another cluster than the one that {name} is pinned to",
            code="wrong-cluster",
            where=cluster.kubernetes.server,
            hint="correct the kubeconfig or the settings; if the cluster was made anew, its"
            f' pin = "{found}"',
        )
