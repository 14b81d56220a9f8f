"""The pods of an app in a cluster, or of another component of its release."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import PODS, SERVICES
from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle.address import first_port
from dogctl.lifecycle.asking import ask_each
from dogctl.lifecycle.cluster_facts import problem
from dogctl.lifecycle.history import not_released
from dogctl.lifecycle.manifest import Object, containers, title
from dogctl.lifecycle.release_parts import (
    SERVING,
    app_workload,
    component,
    main_container,
    of_release,
    pods_of,
    service_of,
    workload,
)
from dogctl.lifecycle.rollout import is_ready
from dogctl.lifecycle.scale import selector
from dogctl.lifecycle.workloads import KINDS

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.lifecycle.cluster import Cluster

NONE_READY = "no-ready-pod"


@dataclass(frozen=True)
class AppPods:
    """Finds the pods, again and again. Methods raise DogctlError.

    Args:
        service: the component, if it is another one than the app.
    """

    project: Project
    cluster: Cluster
    service: str | None = None

    @cached_property
    def workload(self) -> Object:
        """What the pods belong to. Raises ConfigError for a component that there is not."""
        found = [item for items in ask_each(self._of_kind, SERVING) for item in items]
        if not found:
            raise not_released(self.project, self.cluster)
        release = self.cluster.release
        named = (
            workload(found, self.service, release)
            if self.service
            else app_workload(found, self.project.settings, release)
        )
        if named is None:
            known = ", ".join(sorted(map(component, found)))
            raise ConfigError(
                f"the release has no component {self.service} (known: {known})",
                code="no-service",
                where="--service",
                hint="name one of those",
            )
        return named

    def pods(self) -> list[Object]:
        """Those that there are now."""
        labels = selector(self.workload)
        found = self.cluster.kubernetes.select(PODS, self.cluster.namespace, labels=labels)
        return pods_of(self.workload, found)

    def one(self, name: str | None = None, *, not_these: Iterable[str] = ()) -> Object:
        """A pod of that name, or one that is ready: that which has been so for longest."""
        found = self.pods()
        if name is not None:
            return self._named(found, name)
        ready = [
            pod
            for pod in found
            if is_ready(pod)
            and "deletionTimestamp" not in pod["metadata"]
            and pod["metadata"]["name"] not in not_these
        ]
        if not ready:
            raise self._none_ready(found)
        return min(ready, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def port(self, pod: Object) -> int:
        """The port of a pod that its service leads to, or else the first that it names."""
        services = self.cluster.kubernetes.select(SERVICES, self.cluster.namespace)
        main = main_container(pod)
        ports = [
            port
            for each in sorted(containers(pod), key=lambda c: c["name"] != main)
            for port in each.get("ports") or ()
        ]
        service = service_of(self.workload, services)
        wanted = first_port(service).get("targetPort") if service else None
        if isinstance(wanted, int):
            return wanted
        numbers = (p["containerPort"] for p in ports if wanted in (None, p.get("name")))
        number = next(numbers, None)
        if number is None:
            raise DogctlError(
                f"nobody knows at which port {title(self.workload)} answers",
                code="no-port",
                where=pod["metadata"]["name"],
                hint="name its port in the chart, in a Service or a container's ports",
            )
        return int(number)

    def _of_kind(self, kind: str) -> list[Object]:
        found = self.cluster.kubernetes.select(KINDS[kind], self.cluster.namespace)
        named = [{"kind": kind, **item} for item in found]
        return of_release(named, self.cluster.release, self.cluster.namespace)

    def _named(self, found: Iterable[Object], name: str) -> Object:
        names = {pod["metadata"]["name"]: pod for pod in found}
        if name not in names:
            raise ConfigError(
                f"{title(self.workload)} has no pod {name} (known: {', '.join(names) or 'none'})",
                code="no-pod",
                where="--pod",
                hint="dogctl status shows the pods",
            )
        return names[name]

    def _none_ready(self, found: Iterable[Object]) -> DogctlError:
        return DogctlError(
            f"no pod of {title(self.workload)} is ready",
            code=NONE_READY,
            where=self.cluster.namespace,
            hint="dogctl status shows more",
            detail=tuple(f"{pod['metadata']['name']}: {problem(pod)}" for pod in found),
        )


def container_of(pod: Object, name: str | None) -> str:
    """A container of the pod, by name or the main one. Raises ConfigError for one it does not have."""
    known = [each["name"] for each in containers(pod)]
    if name is None:
        return main_container(pod)
    if name not in known:
        raise ConfigError(
            f"the pod has no container {name} (known: {', '.join(known)})",
            code="no-container",
            where="--container",
            hint="name one of those",
        )
    return name
