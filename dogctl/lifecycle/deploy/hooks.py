"""Commands of one's own around a stage: they run when the stage has something to do, and only then.

What comes after a stage is owed from the moment it begins, and a note in the project's state says so
until it was done: so a run that died before that is made up for by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.config.hooks import Hook
from dogctl.errors import DogctlError
from dogctl.lifecycle.local import make_state
from dogctl.plan import Plan, Results, Run, Step, preview
from dogctl.tools.runner import Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

OWED = "hooks"
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
        works = any(each.status is None and not each.looks for each in preview(inner))
        first = self._owe(hooks[0], works=works)
        before = self._steps([hook for hook in hooks if hook.before], environ, (OWED,))
        begun = (OWED, *(step.name for step in before))
        steps = [
            step if step.needs or step.always else replace(step, needs=begun)
            for step in inner.steps
        ]
        names = tuple(step.name for step in steps)
        after = self._steps([hook for hook in hooks if not hook.before], environ, (OWED, *names))
        done = self._settle(hooks[0], (OWED, *names, *(step.name for step in after)))
        return replace(inner, steps=(first, *before, *steps, *after, done))

    def _owe(self, hook: Hook, *, works: bool) -> Step:
        note = self._note(hook)

        def done(_: Results) -> bool | None:
            return None if works and not note.exists() else note.exists()

        def run(_: Run) -> bool:
            make_state(self.project.state)
            note.touch(mode=0o600)
            return True

        return Step(OWED, lambda _: f"note that the hooks of {hook.stage} are owed", run, done=done)

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

        def run(step: Run) -> str:
            done = self.runner.run(
                hook.words,
                cwd=self.project.root,
                env=environ,
                listen=step.progress,
                stop=step.stop,
            )
            if done.code:
                said = f"{done.stdout.decode(errors='replace')}{done.stderr}".splitlines()
                raise DogctlError(
                    f"{words} failed with exit code {done.code}",
                    code="hook-failed",
                    where=f"hooks: {'before' if hook.before else 'after'} {hook.stage}",
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


def variables(project: Project, image: str | None, version: str) -> dict[str, str]:
    """What every hook is told."""
    return {
        "DOGCTL_PROJECT": project.settings.name,
        "DOGCTL_ENVIRONMENT": project.environment or "",
        "DOGCTL_VERSION": version,
        "DOGCTL_IMAGE": image or "",
    }
