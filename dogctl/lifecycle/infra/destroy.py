"""`dogctl infra destroy`: everything that Terraform has made, and what a cluster has made besides.

What is protected is refused before anything goes. Then the cluster gives back its load balancers
and volumes, then Terraform destroys what was shown, and then the clouds are asked what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Text
from dogctl.lifecycle.infra import cluster as clusters
from dogctl.lifecycle.infra.infra import APPLY, PLAN, Infra
from dogctl.lifecycle.infra.planned import Planned
from dogctl.lifecycle.infra.remains import Proof
from dogctl.plan import Plan, Results, Run, Step

if TYPE_CHECKING:
    from dogctl.lifecycle.cluster import Cluster
    from dogctl.lifecycle.infra.cluster import Made

CLUSTER, REMAINS = "cluster", "remains"
_NOT_NEEDED = "not needed"


@dataclass
class Destroy:
    """The steps of one run; `infra` plans to destroy.

    Args:
        known: what was shown to the user, in this very run.
    """

    infra: Infra
    known: Planned | None = None
    _planned: Planned | None = field(default=None, init=False, repr=False)

    def steps(self, *before: Step) -> tuple[Step, ...]:
        """All of them; `before` are those that come before anything of the infrastructure goes."""
        looks = () if self.known else (self.infra.init(), self.infra.plan())
        needs = () if self.known else (PLAN,)
        return (*looks, *before, *self._destroys(needs, tuple(step.name for step in before)))

    def planned(self, results: Results) -> Planned:
        found: Planned = self.known or results[PLAN]
        return found

    def _destroys(self, needs: tuple[str, ...], after: tuple[str, ...]) -> tuple[Step, ...]:
        return (
            self._empty_cluster((*needs, *after)),
            self.infra.apply(self.known, needs=(*needs, CLUSTER)),
            self._prove((*needs, APPLY)),
        )

    def _empty_cluster(self, needs: tuple[str, ...]) -> Step:
        def done(results: Results) -> str | None:
            self._planned = self.planned(results)
            return None if self._made else _NOT_NEEDED

        def run(step: Run) -> str:
            if self._cluster and self._made:
                clusters.release(self._cluster.kubernetes, self._made, step)
            return "released"

        def change(results: Results) -> str:
            if CLUSTER in results or self._planned is None:
                return "delete the load balancers and volumes that the cluster has made"
            return f"delete what the cluster has made: {self._made}"

        def detail(_: Results) -> Sequence[str]:
            return self._made.lines() if self._planned and self._made else ()

        return Step(CLUSTER, change, run, needs=needs, done=done, detail=detail, left=_left)

    def _prove(self, needs: tuple[str, ...]) -> Step:
        proof = Proof(self.infra.project, self.infra.environ)

        def is_needed(results: Results) -> bool:
            from dogctl.config.model import Target

            at_gke = self.infra.project.settings.target is Target.GKE
            return at_gke or self.planned(results).at_google

        def done(results: Results) -> str | None:
            return None if is_needed(results) else _NOT_NEEDED

        def change(_: Results) -> str:
            return "ask the cloud whether anything of it remains"

        return Step(REMAINS, change, proof.prove, needs=needs, done=done, looks=True)

    @cached_property
    def _cluster(self) -> Cluster | None:
        """The cluster, if there is one that goes."""
        project, known = self.infra.project, self._planned.clusters if self._planned else ()
        if not known:
            return None
        found = clusters.reach(
            project, known, remember=self.infra.remember, runner=self.infra.runner
        )
        return found if found and clusters.is_known(found, project, known) else None

    @cached_property
    def _made(self) -> Made:
        """What it has made."""
        return clusters.look(self._cluster.kubernetes) if self._cluster else clusters.Made()


def plan_destroy(infra: Infra, known: Planned | None = None) -> Plan:
    """Destroy the infrastructure, or what of it was shown; it asks first. Raises ConfigError."""
    steps = Destroy(infra, known).steps()
    if known is None or not known.has_changes:
        return Plan("infra destroy", steps)
    name = infra.place.environment
    return Plan("infra destroy", steps, _warning(infra, known), _typed(infra, name))


def answer_destroy(environment: str, planned: Planned) -> Answer:
    """That nothing is left."""
    says = f"nothing of {environment} is left"
    already = "" if planned.has_changes else ": nothing to do"
    data = {"environment": environment, **planned.data()}
    return Answer(data, (Text(f"{says}{already}"),))


def _warning(infra: Infra, known: Planned) -> str:
    guarded = (
        f"{infra.place.environment} is protected. " if infra.project.settings.protected else ""
    )
    return f"{guarded}This destroys what {infra.place.environment} runs on: {known}."


def _typed(infra: Infra, name: str) -> str | None:
    return name if infra.project.settings.protected else None


def _left(_: Results) -> str:
    return "some of its load balancers and volumes are gone: dogctl infra destroy goes on"
