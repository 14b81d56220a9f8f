"""The infrastructure of an environment: what Terraform plans, and the doing of exactly that."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.errors import ConfigError, DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.infra.place import LOCK_FILE, Place, alone, find_place, remember_run
from dogctl.lifecycle.infra.planned import Outputs, Planned, file_hash, outputs_of
from dogctl.lifecycle.infra.state import State, Store, find_state
from dogctl.lifecycle.infra.variables import check_variables, environment, variables
from dogctl.lifecycle.local import not_writable
from dogctl.plan import Results, Run, Step
from dogctl.secrets import Remember
from dogctl.tools.runner import LOCAL, Runner
from dogctl.tools.terraform import changes, sensitive, standing
from dogctl.tools.terraform.causes import BAD_PLAN, NOT_SAVED, PROTECTED
from dogctl.tools.terraform.command import Terraform
from dogctl.tools.terraform.events import Heard, Transcript

if TYPE_CHECKING:
    from dogctl.config.model import Project

INIT, PLAN, APPLY = "init", "plan", "apply"
# Seconds to wait for who holds the lock of the state.
LOCK_TIMEOUT = 60.0

Redact = Callable[[str], str]


@dataclass(frozen=True)
class InfraOptions:
    """What the flags ask for.

    Args:
        lock_timeout: seconds to wait for another run on the same state.
        image: the image that the configuration is told of, if it wants to know.
    """

    lock_timeout: float = LOCK_TIMEOUT
    image: ImageRef | None = None


@dataclass
class Infra:
    """The steps of one run.

    Args:
        remember: hears of every secret before it is used.
        redact: masks all of them.
        destroy: whether everything is to go.
    """

    project: Project
    options: InfraOptions
    remember: Remember = lambda _: None
    redact: Redact = lambda text: text
    runner: Runner = LOCAL
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    destroy: bool = False
    heard: Transcript = field(default_factory=Transcript, repr=False)

    def __post_init__(self) -> None:
        self.place: Place = find_place(self.project)
        self.state: State = find_state(self.project)

    @cached_property
    def terraform(self) -> Terraform:
        return Terraform(
            self.place.root,
            environment(self.project, self.options.image, self.environ),
            self.place.log,
            started=partial(remember_run, self.place),
            runner=self.runner,
        )

    def init(self) -> Step:
        """The mirror, and in it the modules and providers that the configuration needs."""

        def run(step: Run) -> str:
            with self._alone(step):
                self.prepare()
                if self.place.is_initialised():
                    return "done before"
                self._check_version()
                tell = partial(_tell, step)
                self.terraform.init(locked=self.place.is_locked, tell=tell, stop=step.stop)
                self.place.note_initialised()
            if self._is_unpinned():
                step.progress(f"there is no {LOCK_FILE}: the next run may have other providers")
            return "done"

        def change(_: Results) -> str:
            return f"get Terraform ready for {self.project.settings.infra}"

        return Step(INIT, change, run, looks=True, previewed=True)

    def plan(self, given: Callable[[], Path] | None = None) -> Step:
        """What is to change: asked of the clouds, or as a plan says that was made before."""

        def run(step: Run) -> Planned:
            with self._alone(step):
                self.save_what_was_left(step)
                return self._read(given()) if given else self._make(step)

        def change(results: Results) -> str:
            return results.show(PLAN) if PLAN in results else "see what Terraform would change"

        def detail(results: Results) -> Sequence[str]:
            planned: Planned = results[PLAN]
            return planned.lines()

        return Step(
            PLAN,
            change,
            run,
            needs=(INIT,),
            detail=detail,
            looks=True,
            previewed=True,
        )

    def apply(self, known: Planned | None = None, needs: tuple[str, ...] = (PLAN,)) -> Step:
        """The doing of exactly what is planned, or of what is `known` to be."""

        def of(results: Results) -> Planned:
            planned: Planned = known or results[PLAN]
            return planned

        def done(results: Results) -> Outputs | None:
            planned = of(results)
            return None if planned.has_changes else planned.outputs

        def run(step: Run) -> Outputs:
            with self._alone(step):
                self._apply(of(step.results), step)
                return self.outputs()

        def change(results: Results) -> str:
            return f"apply that with Terraform: {known or results.show(PLAN)}"

        def left(_: Results) -> str | None:
            return "; ".join(self._remains()) or None

        return Step(APPLY, change, run, needs=needs, done=done, left=left)

    def prepare(self) -> None:
        """Make the mirror. Raises DogctlError."""
        if self.state.store is Store.LOCAL:
            self.state.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.place.mirror(self.state.backend(self.environ))

    def is_ready(self) -> bool:
        """Whether the state can be read without any more ado, be somebody else at work or not."""
        backend = self.state.backend(self.environ)
        return self.place.has_backend(backend) and self.place.is_initialised()

    def outputs(self) -> Outputs:
        """Those in the state. Raises DogctlError."""
        return self._outputs(self.terraform.output())

    def save_what_was_left(self, step: Run) -> None:
        """Save the state that an apply before could not save. Raises DogctlError.

        Terraform refuses if a newer one has been saved since.
        """
        if not self.place.unsaved.is_file():
            return
        step.progress("saving the state that the last apply could not save")
        try:
            self.terraform.push_state(self.place.unsaved)
        except DogctlError as error:
            if error.code != NOT_SAVED:
                raise
            error.hint = f"see which is right, that or {self.state.shown}, and remove that file"
            error.where = str(self.place.unsaved)
            raise
        self.place.unsaved.unlink()

    def _alone(self, step: Run) -> Any:
        return alone(self.place, step, self.options.lock_timeout)

    def _check_version(self) -> None:
        """Raise ToolError if there is no Terraform that will do."""
        _ = self.terraform.version

    def _is_unpinned(self) -> bool:
        made = self.place.root / LOCK_FILE
        return not self.place.is_locked and made.is_file() and "provider " in made.read_text()

    def _make(self, step: Run) -> Planned:
        draft = self.place.base / "plan.draft"
        draft.unlink(missing_ok=True)
        self.terraform.plan(
            draft,
            destroy=self.destroy,
            values=self.place.values,
            lock_timeout=self.options.lock_timeout,
            tell=partial(_tell, step),
            stop=step.stop,
        )
        draft.chmod(0o600)
        return self._planned(draft)

    def _read(self, given: Path) -> Planned:
        """A plan that was made before, and is not to be changed under our hands."""
        self.state.check_plan(given)
        draft = self.place.base / "plan.draft"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        try:
            shutil.copyfile(given, draft)
        except OSError as error:
            raise not_writable(draft, error) from error
        return self._planned(draft)

    def _planned(self, draft: Path) -> Planned:
        said = self.terraform.show(draft)
        for secret in sensitive.secrets(said):
            self.remember(secret)
        given = variables(self.project, self.options.image, self.environ)
        check_variables(given, said, self.place.values)
        if self.destroy:
            self._check_protection(said)
        sha256 = file_hash(draft)
        file = draft.replace(self.place.plan_of(sha256))
        self.place.forget_old_plans()
        outputs = (said.get("planned_values") or {}).get("outputs") or {}
        return Planned(
            tuple(_masked(each, self.redact) for each in changes.changes(said)),
            file,
            sha256,
            changes.does_something(said),
            changes.output_changes(said),
            self._outputs(outputs),
            standing.clusters(said),
            standing.is_at_google(said),
        )

    def _check_protection(self, said: Mapping[str, Any]) -> None:
        """Raise ConfigError if anything is protected, before anything else has gone."""
        if found := standing.protections(said):
            raise ConfigError(
                f"{len(found)} of what would be destroyed "
                f"{'are' if len(found) > 1 else 'is'} protected: nothing was done",
                code=PROTECTED,
                where=str(self.project.settings.infra),
                hint="if they are meant to go, switch that off in the configuration, such as with"
                " deletion_protection = false, and dogctl infra apply that first",
                detail=found,
            )

    def _outputs(self, found: Mapping[str, Any]) -> Outputs:
        for secret in sensitive.output_secrets(found):
            self.remember(secret)
        return outputs_of(found)

    def _apply(self, planned: Planned, step: Run) -> None:
        if file_hash(planned.file) != planned.sha256:
            raise DogctlError(
                "the plan is another one than the one that was shown",
                code=BAD_PLAN,
                where=str(planned.file),
                hint="run the command again",
            )
        total = sum(each.counts for each in planned.changes)
        self.heard = Transcript()

        def tell(said: Heard) -> None:
            count = f"{len(self.heard.done)} of {total}: " if total > 1 else ""
            _tell(step, replace(said, text=f"{count}{said.text}"))

        try:
            self.terraform.apply(
                planned.file,
                self.heard,
                lock_timeout=self.options.lock_timeout,
                tell=tell,
                stop=step.stop,
            )
        except DogctlError as error:
            raise self._failed(error) from error
        planned.file.unlink(missing_ok=True)

    def _failed(self, error: DogctlError) -> DogctlError:
        """With what remains changed, since infrastructure is never undone."""
        error.detail = (*error.detail, *self._remains())
        error.data = {
            **(error.data or {}),
            "done": [str(each) for each in self.heard.done],
            "failed": list(self.heard.failed),
            "unfinished": sorted(self.heard.under_way),
        }
        if self.place.unsaved.is_file():
            error.code = NOT_SAVED
            error.where = str(self.place.unsaved)
            error.hint = (
                "dogctl infra plan saves it, once the place of the state can be reached again; by"
                f" hand: terraform -chdir={self.place.shown} state push {self.place.unsaved.name}"
            )
        return error

    def _remains(self) -> list[str]:
        """What a run that did not come to its end has done to the world."""
        return [
            *(f"this stays done: {each}" for each in self.heard.done),
            *(f"this failed: {each}" for each in self.heard.failed),
            *(f"begun, see what became of it: {each}" for each in self.heard.under_way),
        ]


def _masked(found: changes.ResourceChange, redact: Redact) -> changes.ResourceChange:
    return replace(found, fields=tuple(map(redact, found.fields)))


def _tell(step: Run, said: Heard) -> None:
    (step.glance if said.passing else step.progress)(said.text)
