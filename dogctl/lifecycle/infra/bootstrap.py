"""`dogctl infra bootstrap`: the place for Terraform's state, as it should be.

Every property is looked at and seen to only where it is missing; so it may be run again, and by
several people at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Text
from dogctl.lifecycle.cluster import require_environment
from dogctl.lifecycle.infra.buckets import account, google_project
from dogctl.lifecycle.infra.state import State, Store, find_state
from dogctl.plan import Plan, Results, Run, Step

if TYPE_CHECKING:
    from dogctl.clouds.properties import Property
    from dogctl.config.model import Project

MADE, THERE = "made", "there"


def plan_bootstrap(project: Project) -> Plan:
    """Make the state's bucket, and its table if there is to be one. Raises DogctlError."""
    require_environment(project)
    state = find_state(project)
    groups = _properties(project, state)
    return Plan("infra bootstrap", tuple(step for group in groups for step in _steps(group)))


def answer_bootstrap(project: Project, plan: Plan, results: Results) -> Answer:
    """What is there, and what was made of it just now."""
    state = find_state(project)
    made = [step.name for step in plan.steps if results[step.name] == MADE]
    there = [step.name for step in plan.steps if results[step.name] == THERE]
    data = {
        "environment": project.environment,
        "state": state.shown,
        "made": made,
        "there": there,
    }
    if not plan.steps:
        return Answer(data, (Text(f"the state is on this machine: nothing to do ({state.shown})"),))
    says = f"the state has its place: {state.shown}"
    rows = [("Made", ", ".join(made))] if made else []
    rows += [("Was there", ", ".join(there))] if there else []
    return Answer(data, (Text(says if made else f"{says}: nothing to do"), Fields(tuple(rows))))


def _properties(project: Project, state: State) -> Iterable[Iterable[Property]]:
    """What is to be true of each thing."""
    labels: Mapping[str, str] = {"project": project.settings.name, "managed-by": "dogctl"}
    match state.store:
        case Store.S3:
            from dogctl.clouds.aws import region_of
            from dogctl.clouds.aws_state import LockTable, StateBucket

            region = region_of(state.region)
            yield StateBucket(state.bucket, region, labels).properties()
            if state.table:
                yield LockTable(state.table, region, labels).properties()
        case Store.GCS:
            from dogctl.clouds.google_storage import StateBucket as GoogleBucket

            yield GoogleBucket(
                state.bucket,
                account(project),
                google_project(project),
                project.settings.region,
                labels,
            ).properties()
        case Store.LOCAL:
            return


def _steps(properties: Iterable[Property]) -> Iterable[Step]:
    first, *others = properties
    yield _step(first, ())
    yield from (_step(each, (first.name,)) for each in others)


def _step(wanted: Property, needs: tuple[str, ...]) -> Step:
    def done(_: Results) -> str | None:
        return THERE if wanted.is_so() else None

    def run(_: Run) -> str:
        wanted.make_so()
        return MADE

    return Step(wanted.name, lambda _: wanted.change, run, needs=needs, done=done)
