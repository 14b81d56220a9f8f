"""Commands of one's own around a stage: they run when the stage has something to do, and only then.

What comes after a stage is owed from the moment it begins, and a note in the project's state says
so until it was done: so a run that died before that is made up for by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.config.hooks import Hook
from dogctl.errors import DogctlError, ToolError
from dogctl.execution import look
from dogctl.lifecycle.local import make_state
from dogctl.plan import Plan, Results, Run, Step
from dogctl.tools.runner import Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

LOOK, OWED = "look", "hooks"
_LINES = 20


@dataclass(frozen=True)
class Hooks:
    """The commands of one deploy.

    Args:
        variables: what they find in their environment, from the results of the stages before.
    """

    project: Project
    variables: Callable[[Results], Mapping[str, str]]
    runner: Runner
    environ: Mapping[str, str]

    def around(self, step: Step) -> Step:
        """The stage with its hooks; the same stage if it has none."""
        own = [each for each in self.project.settings.hooks if each.stage == step.name]
        hooks = [each for each in own if not each.job]
        if not hooks or step.plan is None:
            return step
        make = step.plan
        return replace(
            step, plan=lambda results: self._plan(make(results), hooks, self.variables(results))
        )

    def _plan(self, inner: Plan, hooks: Sequence[Hook], variables: Mapping[str, str]) -> Plan:
        environ = {**self.environ, **variables, "DOGCTL_STAGE": hooks[0].stage}
        first = (_look(inner), self._owe(hooks[0]))
        before = self._steps([hook for hook in hooks if hook.before], environ, (OWED,))
        begun = (LOOK, OWED, *(step.name for step in before))
        steps = [
            step if step.always else _known(step, begun, fresh=not before) for step in inner.steps
        ]
        names = tuple(step.name for step in steps)
        after = self._steps([hook for hook in hooks if not hook.before], environ, (OWED, *names))
        done = self._settle(hooks[0], (OWED, *names, *(step.name for step in after)))
        return replace(inner, steps=(*first, *before, *steps, *after, done))

    def _owe(self, hook: Hook) -> Step:
        note = self._note(hook)

        def done(results: Results) -> bool | None:
            return None if results[LOOK].works and not note.exists() else note.exists()

        def run(_: Run) -> bool:
            make_state(self.project.state)
            note.touch(mode=0o600)
            return True

        says = f"note that the hooks of {hook.stage} are owed"
        return Step(OWED, lambda _: says, run, needs=(LOOK,), done=done)

    def _settle(self, hook: Hook, needs: tuple[str, ...]) -> Step:
        note = self._note(hook)

        def run(_: Run) -> bool:
            note.unlink(missing_ok=True)
            return True

        def done(results: Results) -> bool | None:
            return None if results[OWED] else False

        return Step("hooks-done", lambda _: "note that they were run", run, needs, done)

    def _steps(
        self, hooks: Sequence[Hook], environ: Mapping[str, str], needs: tuple[str, ...]
    ) -> list[Step]:
        steps: list[Step] = []
        for number, hook in enumerate(hooks, 1):
            last = (steps[-1].name,) if steps else ()
            steps.append(self._step(number, hook, environ, (*needs, *last)))
        return steps

    def _step(
        self, number: int, hook: Hook, environ: Mapping[str, str], needs: tuple[str, ...]
    ) -> Step:
        words = " ".join(hook.words)

        where = f"hooks: {'before' if hook.before else 'after'} {hook.stage}"

        def run(step: Run) -> str:
            try:
                done = self.runner.run(
                    hook.words,
                    cwd=self.project.root,
                    env=environ,
                    listen=step.progress,
                    stop=step.stop,
                )
            except ToolError as error:
                error.where, error.hint = where, "correct the setting hooks in pyproject.toml"
                raise
            if done.code:
                said = f"{done.stdout.decode(errors='replace')}{done.stderr}".splitlines()
                raise DogctlError(
                    f"{words} failed with exit code {done.code}",
                    code="hook-failed",
                    where=where,
                    hint="correct that and run the command again: it goes on from there",
                    detail=tuple(said[-_LINES:]),
                )
            return words

        def done(results: Results) -> str | None:
            return None if results[OWED] else "not needed"

        name = f"{'before' if hook.before else 'after'}-{number}"
        return Step(name, lambda _: f"run {words}", run, needs, done)

    def _note(self, hook: Hook) -> Path:
        return self.project.state / f"hooks-{self.project.environment}-{hook.stage}"


@dataclass(frozen=True)
class Looked:
    """Whether a stage has something to do, and what its steps answered that have not."""

    works: bool
    found: Results


def _look(inner: Plan) -> Step:
    """Nobody knows whether hooks are due before that."""

    def run(step: Run) -> Looked:
        previews, found = look(inner, step.stop)
        return Looked(any(each.status is None and not each.looks for each in previews), found)

    says = "see whether there is anything to do"
    return Step(LOOK, lambda _: says, run, looks=True, previewed=True)


def _known(step: Step, begun: tuple[str, ...], *, fresh: bool) -> Step:
    """The step after what begins the stage; what was seen then is not looked at again.

    `fresh` says that nothing has run since; else only a stage with nothing to do is as it was.
    """

    def done(results: Results) -> Any:
        looked: Looked = results[LOOK]
        same = not looked.works or (fresh and step.looks)
        if same and step.name in looked.found:
            return looked.found[step.name]
        return step.done(results)

    return replace(step, needs=(*begun, *step.needs), done=done)


def variables(project: Project, image: str | None, version: str) -> dict[str, str]:
    """What every hook is told."""
    return {
        "DOGCTL_PROJECT": project.settings.name,
        "DOGCTL_ENVIRONMENT": project.environment or "",
        "DOGCTL_VERSION": version,
        "DOGCTL_IMAGE": image or "",
    }
