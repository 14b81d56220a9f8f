"""How the clusters of the several targets are reached, started, and given their images."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from dogctl.clouds.kubeconfig import Kubeconfig
from dogctl.config.model import Target
from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.plan import Results, Run, Step
from dogctl.secrets import Remember
from dogctl.tools.runner import LOCAL, Listener, Runner

if TYPE_CHECKING:
    from dogctl.clouds.kubernetes import Kubernetes
    from dogctl.config.model import Project

START, LOAD = "start", "load"


class TargetDriver(Protocol):
    """One environment's cluster, before and beside its API. Every method raises DogctlError."""

    @property
    def pushes(self) -> bool:
        """Whether the cluster pulls from a registry; else images have to be loaded."""
        ...

    def read(self) -> Kubeconfig:
        """How to reach the API; a token in it is good for minutes at least."""
        ...

    def renew(self) -> None:
        """The API has refused the token: the next `read` has another, if there is one."""
        ...

    def check(self) -> None:
        """Raise DogctlError with the cause and the command to type if the cluster cannot serve.

        It takes a moment: for when the API does not answer.
        """
        ...

    def running(self, nodes: int | None = None) -> bool:
        """Whether it runs. Raises ConfigError if it has another number of nodes."""
        ...

    def start(
        self, nodes: int | None, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> None:
        """Start it, or make it with so many nodes. Raises ConfigError where that is not ours."""
        ...

    def loaded(self, image: ImageRef) -> ImageRef | None:
        """The name under which pods find the image; None if it has to be loaded first."""
        ...

    def load(
        self, image: ImageRef, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> ImageRef:
        """Bring an image of the local engine into the cluster, and answer its name there.

        That has no digest, since no registry has given it one. Its tag holds the image's id: other
        content has another name, and the default pull policy is to look on the node first.
        """
        ...

    def url(self, kubernetes: Kubernetes, namespace: str, service: str) -> str | None:
        """Where users reach the service; None if only a forwarded port leads to it."""
        ...


def driver(
    project: Project,
    remember: Remember = lambda _: None,
    runner: Runner = LOCAL,
    environ: Mapping[str, str] = os.environ,
) -> TargetDriver:
    """The driver of the environment's target. Raises ConfigError: a setting is missing."""
    from dogctl.lifecycle import local_targets, remote_targets

    match project.settings.target:
        case Target.MINIKUBE:
            return local_targets.minikube(project, runner, environ)
        case Target.KIND:
            return local_targets.kind(project, runner, environ)
        case Target.GKE:
            return remote_targets.gke(project, remember, environ)
        case Target.CONTEXT:
            return remote_targets.context(project, environ)
        case None:
            raise ConfigError(
                f"the environment {project.environment} has no target to release to",
                code="no-target",
                where=f"pyproject.toml:tool.dogctl.env.{project.environment}.target",
                hint='add target = "gke", "minikube", "kind" or "context" there',
            )


def start_step(
    target: TargetDriver, nodes: int | None = None, then: Callable[[], None] = lambda: None
) -> Step:
    """Starts the cluster if it does not run.

    Args:
        nodes: how many a new one gets.
        then: what is looked at once it runs, such as whether it is the one that was meant.
    """

    def done(_: Results) -> bool | None:
        if not target.running(nodes):
            return None
        then()
        return True

    def run(step: Run) -> bool:
        target.start(nodes, step.progress, step.stop)
        then()
        return True

    change = "start the cluster, or make it" + (f" with {nodes} nodes" if nodes else "")
    return Step(START, lambda _: change, run, done=done)


def load_step(
    target: TargetDriver,
    image: Callable[[Results], ImageRef],
    needs: tuple[str, ...] = (),
    name: str = LOAD,
) -> Step:
    """Brings the image into the cluster; answers the name that pods are to use.

    Args:
        image: the name in the local engine, from the results of the steps that it needs.
    """

    def change(results: Results) -> str:
        known = all(need in results for need in needs)
        return f"load {image(results) if known else 'the image'} into the cluster"

    return Step(
        name,
        change,
        lambda run: target.load(image(run.results), run.progress, run.stop),
        needs=needs,
        done=lambda results: target.loaded(image(results)),
    )
