"""`dogctl destroy`: an environment's end, its release and data first, then what it runs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Text
from dogctl.execution import preview
from dogctl.lifecycle.cluster import has_cluster
from dogctl.lifecycle.infra.cluster import reach
from dogctl.lifecycle.infra.destroy import Destroy
from dogctl.lifecycle.release_steps import Options
from dogctl.lifecycle.uninstall import plan_uninstall
from dogctl.plan import Plan, Results, Step, stage

if TYPE_CHECKING:
    from pathlib import Path

    from dogctl.lifecycle.infra.infra import Infra
    from dogctl.lifecycle.infra.planned import Planned

UNINSTALL = "uninstall"
NOTHING = "there is nothing of it"


@dataclass
class End:
    """The end of one environment.

    Args:
        known: what of the infrastructure was shown to the user in this very run.
        backup: says whether the release's own database is saved first; asked only if there is a
            cluster.
    """

    infra: Infra
    options: Options
    backup: Callable[[], bool]
    known: Planned | None = None
    _uninstall: Plan | None = field(default=None, init=False, repr=False)

    def plan(self) -> Plan:
        """Uninstall the release with its data, destroy the infrastructure, and prove it.

        Raises DogctlError.
        """
        ends = Destroy(self.infra, self.known)
        before = (self._stage(ends),) if has_cluster(self.infra.project) else ()
        steps = ends.steps(*before)
        if self.known is None or self._is_over(self.known):
            return Plan("destroy", steps)
        name = self.infra.place.environment
        guarded = self.infra.project.settings.protected
        says = f"{name} is protected. " if guarded else ""
        warning = (
            f"{says}This removes the app from {name} with all its data, and what it runs on:"
            f" {self.known}."
        )
        return Plan("destroy", steps, warning, name if guarded else None)

    def lines(self) -> list[str]:
        """What goes with the release, for people."""
        if self.known is None or (uninstall := self._found(self.known)) is None:
            return []
        return [line for each in preview(uninstall) for line in each.detail]

    def answer(self, results: Results) -> Answer:
        """That nothing is left, and where the database was saved."""
        name = self.infra.place.environment
        saved: Path | str | None = (results.get(UNINSTALL) or {}).get("backup")
        path = None if isinstance(saved, str | None) else str(saved)
        over = self.known is not None and self._is_over(self.known)
        says = f"nothing of {name} is left{': nothing to do' if over else ''}"
        data = {"environment": name, "backup": path}
        return Answer(data, (Text(says), *((Fields((("Saved", path),)),) if path else ())))

    def _stage(self, ends: Destroy) -> Step:
        def done(results: Results) -> dict[str, str] | None:
            return {} if self._found(ends.planned(results)) is None else None

        def plan(results: Results) -> Plan:
            found = self._found(ends.planned(results))
            if found is None:
                raise AssertionError("then it is done")
            return found

        def change(_: Results) -> str:
            return "remove the app with its data"

        needs = () if self.known else ("plan",)
        return stage(UNINSTALL, change, plan, needs=needs, done=done)

    def _is_over(self, known: Planned) -> bool:
        """Whether there is nothing to do."""
        uninstall = self._found(known) if has_cluster(self.infra.project) else None
        return not known.has_changes and (uninstall is None or uninstall.warning is None)

    def _found(self, known: Planned) -> Plan | None:
        """The plan of the uninstall; None if there is no cluster any more."""
        infra = self.infra
        if self._uninstall is None and reach(
            infra.project, known.clusters, remember=infra.remember, runner=infra.runner
        ):
            self._uninstall = plan_uninstall(
                infra.project,
                self.options,
                volumes=True,
                backup=self.backup(),
                remember=infra.remember,
                redact=infra.redact,
                runner=infra.runner,
            )
        return self._uninstall
