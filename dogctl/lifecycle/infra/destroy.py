"""`dogctl infra destroy`: everything that Terraform has made, and what a cluster has made besides.

What is protected is refused before anything goes. Then the cluster gives back its load balancers
and volumes, then Terraform destroys what was shown, and then the clouds are asked what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    _looked: tuple[Cluster | None, Made] | None = field(default=None, init=False, repr=False)

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
            _, made = self._found(results)
            return None if made else _NOT_NEEDED

        def run(step: Run) -> str:
            cluster, made = self._found(step.results)
            if cluster:
                clusters.release(cluster.kubernetes, made, step)
            return "released"

        def change(_: Results) -> str:
            made = self._looked[1] if self._looked else None
            return f"delete what the cluster has made: {made or 'load balancers and volumes'}"

        def detail(_: Results) -> Sequence[str]:
            return self._looked[1].lines() if self._looked else ()

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

    def _found(self, results: Results) -> tuple[Cluster | None, Made]:
        """The cluster that goes, if there is one, and what it has made. Raises DogctlError."""
        if self._looked is None:
            infra, known = self.infra, self.planned(results).clusters
            found = None
            if known:
                found = clusters.reach(
                    infra.project, known, remember=infra.remember, runner=infra.runner
                )
            if found and not clusters.is_known(found, infra.project, known):
                found = None
            made = clusters.look(found.kubernetes) if found else clusters.Made()
            self._looked = (found, made)
        return self._looked


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
