"""Plans of which others need not wait for the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from dogctl.plan import Plan, Results, Run, Step


@dataclass
class Looks:
    """A plan whose looks are done ahead of the rest.

    Args:
        make: makes the plan.
        last: the name of the last step that only looks; those before it do, too.
    """

    make: Callable[[Results], Plan]
    last: str
    _plan: Plan | None = field(default=None, init=False)

    def ahead(self, results: Results) -> Plan:
        """The looks."""
        self._plan = self.make(results)
        names = [step.name for step in self._plan.steps]
        return replace(self._plan, steps=self._plan.steps[: names.index(self.last) + 1])

    def rest(self, found: Results) -> Plan:
        """The whole plan, which knows already what the looks have found."""
        if self._plan is None:
            raise AssertionError("the looks come first")
        steps = (_known(step, found) if step.name in found else step for step in self._plan.steps)
        return replace(self._plan, steps=tuple(steps))


@dataclass
class Removal:
    """A plan whose last step removes what the others have made: nobody has to wait for that."""

    make: Callable[[Results], Plan]
    _last: Step | None = field(default=None, init=False)

    def work(self, results: Results) -> Plan:
        """All steps but the last one."""
        plan = self.make(results)
        *steps, self._last = plan.steps
        return replace(plan, steps=tuple(steps))

    def step(self, name: str, needs: tuple[str, ...]) -> Step:
        """The last one, which runs however the others have ended."""

        def done(results: Results) -> Any:
            return self._last.done(results) if self._last else "not needed"

        def run(step: Run) -> Any:
            if self._last is None:
                raise AssertionError("there is nothing to remove")
            return self._last.run(step)

        def change(results: Results) -> str:
            return self._last.change(results) if self._last else "remove what that has made"

        return Step(name, change, run, needs=needs, done=done, always=True)


def _known(step: Step, found: Results) -> Step:
    return replace(step, done=lambda _: found[step.name])
