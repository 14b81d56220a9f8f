"""What a deploy answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dogctl.answer import Answer, Fields, Text
from dogctl.chartrepos.base import Package
from dogctl.config.hooks import Stage
from dogctl.lifecycle.build import Built
from dogctl.lifecycle.charts.publish import Published, answer_publish
from dogctl.lifecycle.deploy.prune import PRUNE, Pruned
from dogctl.lifecycle.image import shown
from dogctl.lifecycle.infra import APPLY, PLAN, Planned
from dogctl.lifecycle.push import Candidate, Release
from dogctl.lifecycle.release import answer_release
from dogctl.lifecycle.release_steps import Applied
from dogctl.lifecycle.smoke_passes import Pass
from dogctl.plan import Results


def answer_deploy(environment: str, results: Results) -> Answer:
    """What each stage came to, and where the app runs now."""
    answer = _released(environment, results)
    pruned: Pruned = results[Stage.PRUNE][PRUNE] if Stage.PRUNE in results else Pruned()
    data = {**answer.data, **_besides(results, pruned)}
    lines = (*pruned.lines, *(f"warning: {each}" for each in pruned.warnings))
    return replace(answer, data=data, blocks=(*answer.blocks, *map(Text, lines)))


def _besides(results: Results, pruned: Pruned) -> dict[str, Any]:
    """What was done beside the release, for programs."""
    found: dict[str, Any] = {"warnings": list(pruned.warnings)}
    if Stage.PRUNE in results:
        found["pruned"] = pruned.data
    if Stage.PUBLISH in results:
        found["published"] = answer_publish(results[Stage.PUBLISH]).data
    return found


def _released(environment: str, results: Results) -> Answer:
    rows = tuple(_rows(results))
    if Stage.RELEASE not in results:
        says = f"deployed to {environment}" if _changed(results) else _nothing(environment)
        data = {"environment": environment}
        return Answer(data, (Text(says), *((Fields(rows),) if rows else ())), summary=True)
    applied: Applied = results[Stage.RELEASE]["upgrade"]
    released = answer_release(environment, results[Stage.RELEASE])
    headline, *others = released.blocks
    if not applied.fresh and _changed(results):
        what = applied.noted.version or applied.noted.image
        headline = Text(f"deployed to {environment}, where {what} is up to date")
    own = [row for each in others if isinstance(each, Fields) for row in each.rows]
    return Answer(released.data, (headline, Fields((*rows, *own))), summary=True)


def _rows(results: Results) -> Iterator[tuple[str, str]]:
    """What came before the release."""
    if Stage.BUILD in results:
        built: Built = results[Stage.BUILD]["build"]
        yield "Built", f"in {built.seconds:.1f} s" if built.fresh else "already"
    if Stage.SMOKE in results:
        yield "Smoke test", "passed" if _smoked(results) else "passed already"
    if Stage.INFRA in results:
        planned: Planned = results[Stage.INFRA][PLAN]
        yield "Infrastructure", f"done: {planned}" if planned.has_changes else str(planned)
    if Stage.PUBLISH in results:
        made: Package = results[Stage.PUBLISH]["package"]
        fresh = "published" if _is_published(results) else "published already"
        yield "Chart", f"{made.name} {made.version}, {fresh}"


def _changed(results: Results) -> bool:
    """Whether anything was done before the release."""
    built: Built | None = results[Stage.BUILD]["build"] if Stage.BUILD in results else None
    planned: Planned | None = results[Stage.INFRA][PLAN] if Stage.INFRA in results else None
    return bool(
        (built and built.fresh)
        or _smoked(results)
        or any(_is_new_in_registry(results))
        or _is_published(results)
        or (planned and planned.has_changes)
    )


def _smoked(results: Results) -> bool:
    return Stage.SMOKE in results and not isinstance(results[Stage.SMOKE]["start"], Pass)


def _is_published(results: Results) -> bool:
    published: Published | None = results.get(Stage.PUBLISH, {}).get("publish")
    return bool(published and published.fresh)


def _is_new_in_registry(results: Results) -> Iterator[str]:
    """What was pushed and tagged, for people."""
    if Stage.PUSH in results:
        pushed: Candidate = results[Stage.PUSH]["candidate"]
        if pushed.fresh:
            yield f"the image {shown(pushed.ref)} in its registry"
    if Stage.TAG in results:
        release: Release | None = results[Stage.TAG].get("release")
        if release and release.put:
            yield f"its tags {', '.join(release.put)}"


def _nothing(environment: str) -> str:
    return f"{environment} is up to date: nothing to do"


def left_changed(results: Results) -> list[str]:
    """What a deploy that failed has changed, and nobody takes back."""
    lines = [f"remains: {each}" for each in _is_new_in_registry(results)]
    if _is_published(results):
        made: Package = results[Stage.PUBLISH]["package"]
        lines.append(f"remains: the chart {made.name} {made.version} in its repository")
    if Stage.INFRA in results and APPLY in results[Stage.INFRA]:
        planned: Planned = results[Stage.INFRA][PLAN]
        if planned.has_changes:
            lines.append(f"remains: what Terraform has done: {planned}")
    return lines
