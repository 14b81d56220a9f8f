"""`dogctl rollback`: back to an earlier revision, verified like a release.

What cannot work is refused before anything changes: a revision that Helm has forgotten, that never
worked, or whose image is gone from its registry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dogctl.answer import Answer
from dogctl.errors import ConfigError, DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle import record
from dogctl.lifecycle.cluster import connect
from dogctl.lifecycle.evidence import Redact
from dogctl.lifecycle.go_back import go_back, would_be
from dogctl.lifecycle.image import shown
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.push_registry import Place
from dogctl.lifecycle.record import Record, Result
from dogctl.lifecycle.release import answer
from dogctl.lifecycle.release_diff import changes
from dogctl.lifecycle.release_steps import Applied, Comparison, Options, Work, look_only
from dogctl.lifecycle.revisions import revisions, worked_before
from dogctl.lifecycle.shipped import image_of
from dogctl.plan import Plan, Results, Run, Step
from dogctl.registries.refusals import NO_IMAGE
from dogctl.secrets import Remember
from dogctl.tools.helm_storage import Revision
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


def plan_rollback(
    project: Project,
    wanted: str | None,
    options: Options,
    *,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Go back to a revision, by its number or version; without one, to the last that worked.

    Raises ConfigError: there is no such revision, or it can never work.
    """
    cluster = connect(project, remember=remember, changes=True, runner=runner)
    found = revisions(cluster)
    target = choose(found, record.read(cluster), wanted)
    work = Work(project, cluster, options, remember, redact, verb="rollback", applies="rollback")
    rollback = _Rollback(work, target, found[-1])
    steps = (
        rollback.find_image(),
        rollback.compare(),
        work.take(),
        rollback.roll_back(),
        work.roll_out(),
        work.verify(),
        work.give_back(),
    )
    warning = f"{project.environment} is protected. This takes {cluster.release} to {rollback}."
    return Plan("rollback", steps, warning if project.settings.protected else None)


def answer_rollback(environment: str, results: Results) -> Answer:
    """What runs now."""
    applied: Applied = results["rollback"]
    says = (
        f"{environment} is back at revision {applied.noted.of or applied.noted.revision}"
        if applied.fresh
        else f"{environment} runs just that: nothing to do"
    )
    return answer(says, environment, applied, results)


def choose(
    found: Sequence[Revision], records: Mapping[int, Record], wanted: str | None
) -> Revision:
    """The revision to go back to. Raises ConfigError."""
    if not found:
        raise ConfigError(
            "there is no release to roll back",
            code="no-release",
            hint="dogctl release makes one",
        )
    last = found[-1].number
    known = dict(records)
    if wanted is None:
        if unfinished := _unfinished(found, known):
            return unfinished
        # After a rollback, the revision that it went back to is no other one.
        others = [each for each in found if each.manifest != found[-1].manifest]
        target = worked_before(others, known, last)
        if target is None:
            raise _no_target("there is no earlier revision that worked", found)
        return target
    if re.fullmatch(r"[0-9]+", wanted):
        target = next((each for each in found if each.number == int(wanted)), None)
    else:
        target = next((each for each in reversed(found) if _version(each) == wanted), None)
    if target is None:
        raise _no_target(f"there is no revision {wanted!r}", found)
    if worked_before([target], known, last + 1) is None:
        raise _no_target(f"revision {target.number} never worked", found)
    return target


def _unfinished(found: Sequence[Revision], records: Mapping[int, Record]) -> Revision | None:
    """Where a rollback that was stopped was going; it may have been before Helm made a revision."""
    last = found[-1].number
    noted = records.get(last + 1) or records.get(last)
    if noted is None or noted.action != "rollback" or noted.result is not Result.PENDING:
        return None
    return next((each for each in found if each.number == noted.of), None)


def _version(revision: Revision) -> str | None:
    image = image_of(revision)
    return image.tag if image else None


def _no_target(message: str, found: Sequence[Revision]) -> ConfigError:
    names = ", ".join(f"{each.number} ({_version(each) or each.chart})" for each in found)
    return ConfigError(
        message, code="no-such-revision", hint="dogctl history", detail=(f"there are: {names}",)
    )


@dataclass(frozen=True)
class _Rollback:
    work: Work
    target: Revision
    latest: Revision

    def __str__(self) -> str:
        image = image_of(self.target)
        return f"revision {self.target.number}" + (f" ({shown(image)})" if image else "")

    def find_image(self) -> Step:
        """Whether the image is still there: else no node could ever pull it."""
        image = image_of(self.target)

        def done(_: Results) -> bool:
            if image and image.digest:
                place = Place(self.work.project, self.work.remember, image.registry)
                if place.look(lambda registry: registry.resolve(image) is None):
                    raise self._gone(image)
            return True

        def change(_: Results) -> str:
            return f"see that the image of {self} is still there"

        return Step("image", change, look_only, done=done, looks=True)

    def compare(self) -> Step:
        def done(_: Results) -> Comparison:
            cluster = self.work.cluster
            old = objects(self.latest.manifest)
            new = would_be(cluster, self.target, ask=not self.latest.status.pending)
            found = changes(cluster.kubernetes, cluster.namespace, old, new)
            noted = record.read(cluster).get(self.latest.number)
            return Comparison(tuple(new), found, self.latest, noted)

        def change(results: Results) -> str:
            return results.show("compare")

        def detail(results: Results) -> Sequence[str]:
            lines: list[str] = results["compare"].lines()
            return lines

        return Step(
            "compare", change, look_only, needs=("image",), done=done, detail=detail, looks=True
        )

    def roll_back(self) -> Step:
        work, target = self.work, self.target

        def noted(number: int, of: int | None) -> Record:
            return work.note(number, image_of(target), target.chart, of)

        def done(results: Results) -> Applied | None:
            compared: Comparison = results["compare"]
            if not compared.current:
                return None
            return work.found(compared, noted(self.latest.number, None))

        def run(step: Run) -> Applied:
            work.lease.check()
            compared: Comparison = step.results["compare"]
            now = revisions(work.cluster)[-1].number
            if now != self.latest.number:
                raise self._overtaken(now)
            applied = Applied(noted(now + 1, target.number), compared.manifest)
            record.write(work.cluster, applied.noted)
            step.progress(f"to {self}")
            work.undone(applied, step, lambda: go_back(work.cluster, target))
            return applied

        def change(_: Results) -> str:
            return f"take {work.cluster.release} back to {self}"

        return Step("rollback", change, run, needs=("compare", "lock"), done=done)

    def _overtaken(self, now: int) -> DogctlError:
        return DogctlError(
            f"revision {now} was made while this waited: what to go back to may be another now",
            code="release-changed",
            hint="look at dogctl history, and run the command again",
        )

    def _gone(self, image: ImageRef) -> ConfigError:
        return ConfigError(
            f"the image of revision {self.target.number} is gone: {shown(image)}",
            code=NO_IMAGE,
            where=image.registry,
            hint="dogctl history shows other revisions",
        )
