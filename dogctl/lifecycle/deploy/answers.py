"""What a deploy answers."""

from __future__ import annotations

from typing import Any

from dogctl.answer import Answer, Fields, Text
from dogctl.config.hooks import Stage
from dogctl.lifecycle.build import Built
from dogctl.lifecycle.image import shown
from dogctl.lifecycle.infra import APPLY, PLAN, Planned
from dogctl.lifecycle.push import Candidate, Release
from dogctl.lifecycle.release import answer_release
from dogctl.lifecycle.smoke_passes import Pass
from dogctl.plan import Results


def answer_deploy(environment: str, results: Results) -> Answer:
    """What each stage came to, and where the app runs now."""
    rows = []
    if Stage.BUILD in results:
        built: Built = results[Stage.BUILD]["build"]
        rows.append(("Built", f"in {built.seconds:.1f} s" if built.fresh else "already"))
    if Stage.SMOKE in results:
        passed = isinstance(results[Stage.SMOKE]["start"], Pass)
        rows.append(("Smoke test", "passed already" if passed else "passed"))
    if Stage.INFRA in results:
        planned: Planned = results[Stage.INFRA][PLAN]
        rows.append(("Infrastructure", str(planned)))
    data: dict[str, Any] = {"environment": environment}
    if Stage.RELEASE not in results:
        return Answer(data, (Text(f"deployed to {environment}"), Fields(tuple(rows))), summary=True)
    released = answer_release(environment, results[Stage.RELEASE])
    says, *others = released.blocks
    return Answer({**data, **released.data}, (says, Fields(tuple(rows)), *others), summary=True)


def left_changed(results: Results) -> list[str]:
    """What a deploy that failed has changed, and nobody takes back."""
    lines = []
    if Stage.PUSH in results:
        pushed: Candidate = results[Stage.PUSH]["candidate"]
        if pushed.fresh:
            lines.append(f"remains: the image {shown(pushed.ref)} in its registry")
    if Stage.TAG in results:
        release: Release | None = results[Stage.TAG].get("release")
        if release and release.put:
            lines.append(f"remains: its tags {', '.join(release.put)}")
    if Stage.INFRA in results and APPLY in results[Stage.INFRA]:
        planned: Planned = results[Stage.INFRA][PLAN]
        if planned.has_changes:
            lines.append(f"remains: what Terraform has done: {planned}")
    return lines
