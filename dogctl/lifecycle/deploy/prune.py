"""The last stage of a deploy: old images and charts go, if the settings say how many stay.

The release is done by then. So nothing that goes wrong here fails the deploy: it is told as a
warning, and the next deploy, or `dogctl cleanup`, does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dogctl.config.hooks import Stage
from dogctl.errors import Cancelled
from dogctl.execution import execute, look
from dogctl.lifecycle.cleanup.answers import answer_cleanup, left_changed
from dogctl.lifecycle.cleanup.cleanup import cleanup_of
from dogctl.lifecycle.cleanup.parts import Cleanup, Looked
from dogctl.lifecycle.cleanup.policies import Words
from dogctl.plan import Outcome, Plan, Results, Run, Step, stage
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project

PRUNE = "prune"


@dataclass(frozen=True)
class Pruned:
    """What was done.

    Args:
        data: by part, as `dogctl cleanup` answers it.
        lines: the same for people.
        warnings: what could not be done.
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def prunes(project: Project) -> bool:
    """Whether a deploy prunes at all."""
    settings = project.settings
    return settings.prune_keep is not None or settings.prune_older_than is not None


def limits(project: Project) -> str:
    """What may go, for people."""
    settings = project.settings
    found = []
    if settings.prune_keep is not None:
        found.append(f"beyond the newest {settings.prune_keep}")
    if settings.prune_older_than is not None:
        found.append(f"older than {settings.prune_older_than}")
    return " and ".join(found)


@dataclass
class Prune:
    """The cleanup of one deploy.

    Args:
        environments: the project in each environment that it declares, which is asked for late.
        remember: hears of every secret before it is used.
    """

    project: Project
    environments: Callable[[], Sequence[Project]]
    remember: Remember
    _found: tuple[Cleanup, Looked, Plan] | None = field(default=None, init=False)

    def stage(self) -> Step:
        """The stage of a deploy, which never fails."""
        what = f"images and charts {limits(self.project)} that are in use nowhere"
        step = Step(PRUNE, lambda _: f"delete {what}", self._run, done=self._done)
        plan = Plan(PRUNE, (step,))
        return stage(Stage.PRUNE, lambda _: f"prune {what}", lambda _: plan)

    def _done(self, _: Results) -> Pruned | None:
        """What is said where nothing is to be deleted, or nothing can be."""
        return _warned(self._looked)

    def _looked(self) -> Pruned | None:
        cleanup = self._cleanup()
        looked = cleanup.looked(look(cleanup.looking())[1])
        deleting = cleanup.deleting(looked)
        if not cleanup.goes(looked):
            return Pruned()
        self._found = (cleanup, looked, deleting)
        return None

    def _run(self, run: Run) -> Pruned | None:
        return _warned(lambda: self._pruned(run))

    def _pruned(self, run: Run) -> Pruned:
        if self._found is None:
            raise AssertionError("it was looked at before")
        cleanup, looked, plan = self._found
        report = execute(plan, _Passed(run), run.stop)
        errors = [each.error for each in report.outcomes.values() if each.error]
        if any(isinstance(each, Cancelled) for each in errors):
            raise Cancelled("some of what is old is not pruned yet")
        answer = answer_cleanup(cleanup, looked, report.results)
        lines = left_changed(cleanup, looked, report.results)
        return Pruned(answer.data, tuple(lines), tuple(map(_told, errors)))

    def _cleanup(self) -> Cleanup:
        settings = self.project.settings
        policy = Words(keep=settings.prune_keep, older_than=settings.prune_older_than).read()
        environments = self.environments()
        return cleanup_of(self.project, environments, policy, remember=self.remember, waits=False)


class _Passed:
    """Hands on what is told; how it ended is told at the end."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def started(self, step: Step) -> None: ...

    def progress(self, step: Step, message: str) -> None:
        self._run.progress(f"{step.name}: {message}")

    def glance(self, step: Step, message: str) -> None:
        self._run.glance(f"{step.name}: {message}")

    def finished(self, step: Step, outcome: Outcome) -> None: ...


def _warned(work: Callable[[], Pruned | None]) -> Pruned | None:
    """What some work answers; whatever goes wrong is a warning. Raises Cancelled."""
    try:
        return work()
    except Cancelled:
        raise
    except Exception as error:  # noqa: BLE001  (the release is done, whatever this is)
        return Pruned(warnings=(_told(error),))


def _told(error: BaseException) -> str:
    return f"not everything was pruned: {error or type(error).__name__}"
