"""The proof that nothing remains of an environment: the clouds themselves are asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from dogctl.clouds import google_inventory as google
from dogctl.errors import DogctlError
from dogctl.lifecycle.infra.buckets import account, google_project
from dogctl.plan import Run

if TYPE_CHECKING:
    from dogctl.config.model import Project

# What is deleted stays in some lists for a while.
PATIENCE = 20.0
POLL = 2.0
REMAINS = "infra-remains"
UNPROVEN = "infra-unproven"


@dataclass(frozen=True)
class Proof:
    """What there is left of an environment.

    Args:
        environ: whose variables may lead to other addresses of Google's.
    """

    project: Project
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def labels(self) -> tuple[Mapping[str, str], ...]:
        """Those of what Terraform makes, and those of what the cluster makes."""
        settings = self.project.settings
        made = {
            "project": settings.name,
            "environment": str(self.project.environment),
            "managed-by": "dogctl",
        }
        if not settings.cluster:
            return (made,)
        # https://cloud.google.com/kubernetes-engine/docs/how-to/creating-managing-labels
        of_cluster = {"goog-k8s-cluster-name": settings.cluster}
        place = {"goog-k8s-cluster-location": settings.region} if settings.region else {}
        return (made, {**of_cluster, **place})

    def look(self) -> google.Inventory:
        """What is there now. Raises DogctlError."""
        project = google_project(self.project)
        if project is None:
            return google.Inventory((), ())
        asked = google.Project(project, account(self.project), self.environ)
        return asked.inventory(self.labels)

    def prove(self, step: Run) -> str:
        """Wait until there is nothing. Raises DogctlError: something is left, or nobody knows."""
        deadline = monotonic() + PATIENCE
        while True:
            left = self.look()
            if not left.found and not left.unknown:
                return "nothing remains"
            if left.unknown or monotonic() > deadline:
                raise _left(left, google_project(self.project))
            step.progress(f"{len(left.found)} are still there: {left.found[0]} ...")
            step.sleep(POLL)


def _left(left: google.Inventory, project: str | None) -> DogctlError:
    found = [f"still there: {each}" for each in left.found]
    unknown = [f"could not be asked: {each}" for each in left.unknown]
    data = {"remains": [str(each) for each in left.found], "unknown": list(left.unknown)}
    if found:
        return DogctlError(
            f"{len(found)} of the environment remain at Google",
            code=REMAINS,
            where=project,
            hint="delete them by hand, or see what holds them, and run the command again",
            detail=(*found, *unknown),
            data=data,
        )
    return DogctlError(
        "it is not proven that nothing remains: not all of Google's APIs answered",
        code=UNPROVEN,
        where=project,
        hint="let the owner of the project grant roles/viewer, and run the command again",
        detail=tuple(unknown),
        data=data,
    )
