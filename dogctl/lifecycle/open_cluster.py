"""`dogctl open --env E`: the app at its address, or at a port of this machine."""

from __future__ import annotations

from dogctl.answer import Answer, Text
from dogctl.clouds.kubernetes import INGRESSES, SERVICES
from dogctl.lifecycle.app_pods import AppPods
from dogctl.lifecycle.asking import ask_each, together
from dogctl.lifecycle.open import browse
from dogctl.lifecycle.reach import best, known, reach
from dogctl.lifecycle.release_parts import service_of


def open_there(apps: AppPods) -> Answer | None:
    """Open the app at the first of its addresses that answers; None if none does.

    Raises DogctlError.
    """
    kubernetes, namespace = apps.cluster.kubernetes, apps.cluster.namespace
    services, ingresses, workload = together(
        lambda: kubernetes.select(SERVICES, namespace),
        lambda: kubernetes.select(INGRESSES, namespace),
        lambda: apps.workload,
    )
    service = service_of(workload, services)
    if service is None:
        return None
    health = apps.project.settings.health
    ways = known(apps.cluster, apps.project, service, ingresses)
    found = best(ask_each(lambda address: reach(address, health), ways))
    return browse(found["address"]) if found and found["reachable"] else None


def forwarded(url: str) -> Answer:
    """The app at a port that is forwarded for as long as dogctl runs."""
    answer = browse(url)
    data = {**answer.data, "forwarded": True}
    return Answer(data, (*answer.blocks, Text("A port of this machine leads there, until ^C")))
