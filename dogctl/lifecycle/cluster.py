"""The cluster of an environment, and the release in it: how they are reached and what they are.

An environment is pinned to its cluster's identity: a context of the same name that leads elsewhere
is refused, and the kubeconfig's current context is never used.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.clouds import kubeconfig
from dogctl.clouds.kubeconfig import Kubeconfig
from dogctl.clouds.kubernetes import Kubernetes
from dogctl.errors import ConfigError
from dogctl.lifecycle import targets
from dogctl.lifecycle.targets import TargetDriver
from dogctl.secrets import Remember
from dogctl.tools.helm import Helm
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass(frozen=True)
class Cluster:
    """One environment's cluster, and the release in it.

    Args:
        environment: its name.
        release, namespace: of the Helm release.
        target: how it is reached.
        remember: hears of every token and key before it is used.
    """

    environment: str
    release: str
    namespace: str
    target: TargetDriver = field(repr=False)
    remember: Remember = field(repr=False)
    history: int
    runner: Runner = field(default=LOCAL, repr=False)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @cached_property
    def kubernetes(self) -> Kubernetes:
        return Kubernetes(
            self._read,
            renew=self.target.renew,
            explain=self.target.check,
            remember=self.remember,
        )

    def url(self, service: str) -> str | None:
        """Where users reach a service; None if only a forwarded port leads to it."""
        return self.target.url(self.kubernetes, self.namespace, service)

    @cached_property
    def helm(self) -> Helm:
        return Helm(
            self._kubeconfig_file,
            self.namespace,
            history=self.history,
            runner=self.runner,
            environ=self.environ,
        )

    def _read(self) -> Kubeconfig:
        found = self.target.read()
        for secret in kubeconfig.secrets(found):
            self.remember(secret)
        return found

    @cached_property
    def _folder(self) -> Path:
        """For us alone, and removed with this object."""
        path = Path(tempfile.mkdtemp(prefix="dogctl-"))
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        return path

    def _kubeconfig_file(self) -> Path:
        """JSON is YAML too."""
        import json

        path = self._folder / "kubeconfig"
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(self._read()))
        new.replace(path)
        return path


def require_environment(project: Project) -> str:
    """The name of the environment. Raises ConfigError if the user has not said which."""
    if project.environment is None:
        raise ConfigError(
            "which environment?",
            code="no-environment",
            where="--env",
            hint=f"add --env NAME; declared: {', '.join(project.environments) or 'none'}",
        )
    return project.environment


def has_cluster(project: Project) -> bool:
    """Whether a command with this environment is about a cluster, and not this machine."""
    return project.environment is not None and project.settings.target is not None


def connect(
    project: Project,
    *,
    remember: Remember = lambda _: None,
    changes: bool = False,
    start: bool = False,
    runner: Runner = LOCAL,
    environ: Mapping[str, str] = os.environ,
) -> Cluster:
    """The cluster of the project's environment, if it is the one that it is pinned to.

    Args:
        remember: hears of every token and key before it is used.
        changes: whether something will be changed there; a protected environment has to be pinned
            then.
        start: whether it may not run yet: then `check_pin` is for the step that starts it.

    Raises ConfigError, and DogctlError if the cluster cannot be reached.
    """
    settings, name = project.settings, require_environment(project)
    release = settings.release or settings.name
    cluster = Cluster(
        environment=name,
        release=release,
        namespace=settings.namespace or settings.prometheus_namespace or release,
        remember=remember,
        target=targets.driver(project, remember, runner, environ),
        history=settings.history,
        runner=runner,
        environ=environ,
    )
    if not start:
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
