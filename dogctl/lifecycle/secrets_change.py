"""New values for an app's secrets, in pods that take over without losing a request.

What was and what is to be is noted first. Then the database takes both passwords, the Secrets get
the new values, and the pods are made anew. Once these are verified, the database forgets the old
password. If they do not come up, the old values are put back in the same way. A run that is killed
anywhere leaves an app that works, and is brought to its end by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Block, Fields, Text
from dogctl.clouds.kubernetes import Object
from dogctl.errors import DogctlError, ExitCode
from dogctl.lifecycle import cluster_secrets, record, secrets_journal, workloads
from dogctl.lifecycle.cluster import connect
from dogctl.lifecycle.cluster_secrets import Store
from dogctl.lifecycle.evidence import Redact, gather
from dogctl.lifecycle.manifest import objects, title
from dogctl.lifecycle.passwords_change import Passwords
from dogctl.lifecycle.record import Result
from dogctl.lifecycle.release_diff import Action, Change, Difference
from dogctl.lifecycle.release_steps import (
    LEFT_ALONE,
    Applied,
    Comparison,
    Found,
    Options,
    Work,
    look_only,
)
from dogctl.lifecycle.revisions import running
from dogctl.lifecycle.secrets_edits import (
    check_values,
    edits_of,
    live_users,
    patch,
    shown,
    stamp_all,
    values_of,
)
from dogctl.lifecycle.secrets_journal import Edit
from dogctl.lifecycle.shipped import image_of
from dogctl.lifecycle.undo import told
from dogctl.lifecycle.verify import verify
from dogctl.plan import Plan, Results, Run, Step
from dogctl.secrets import Remember, Secret
from dogctl.tools.helm_storage import Revision
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

# Which variables get a new value, and which, given what there is.
Choose = Callable[[Store], Mapping[str, Secret]]


@dataclass(frozen=True)
class Wanted(Comparison):
    """What is to change, beside what there is.

    Args:
        store: the Secrets as they are.
        edits: the values that change, those of an unfinished run among them.
        unfinished: whether a run before has left something to do.
    """

    store: Store
    edits: tuple[Edit, ...]
    unfinished: bool

    @property
    def current(self) -> bool:
        return not self.changes and not self.unfinished

    @property
    def verified(self) -> bool:
        return self.current

    def __str__(self) -> str:
        if self.unfinished:
            return "an unfinished change is brought to its end"
        names = ", ".join(each.name for each in self.edits)
        return f"new: {names}" if names else "every value is what it is to be"


def plan_change(
    project: Project,
    verb: str,
    choose: Choose,
    options: Options,
    *,
    exact: bool = False,
    warning: str | None = None,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Change some secrets of the app, and roll its pods; or do nothing.

    Args:
        verb: what the user typed, as in `secrets set`.
        choose: tells the new values; asked for the preview, and again under the lock.
        exact: whether it has to be these and no others.

    Raises ConfigError: there is no release, or it has its secrets from elsewhere.
    """
    cluster = connect(project, remember=remember, changes=True, runner=runner)
    latest = running(cluster)
    work = _Changing(project, cluster, options, remember, redact, verb=verb, applies="secrets")
    change = _SecretsChange(work, latest, choose, exact)
    steps = (
        change.compare(),
        work.take(),
        change.settle_what(),
        change.put(),
        work.roll_out(),
        work.verify(),
        change.finish(),
        replace(work.give_back(), needs=("lock", "finish")),
    )
    return Plan(verb, steps, warning)


def answer_change(environment: str, kept: str, results: Results) -> Answer:
    """Which values are new. `kept` says what it means that none is."""
    wanted: Wanted = results["values"]
    names = [each.name for each in wanted.edits]
    fresh = results["secrets"].fresh
    data = {"environment": environment, "changed_names": names, "pods": results["verify"].pods}
    if not fresh:
        return Answer(data, (Text(f"{kept}: nothing to do"),))
    says = f"new in {environment}: {', '.join(names)}" if names else "the pods have today's values"
    rows = (("Pods", f"{results['verify'].pods} run with it"), ("Look", "dogctl secrets list"))
    blocks: tuple[Block, ...] = (Text(says), Fields(rows))
    return Answer(data, blocks)


@dataclass(frozen=True)
class _Changing(Work):
    """The shared steps; what fails is undone by putting the old values back."""

    def undone(self, applied: Applied, step: Run, work: Callable[[], Found]) -> Found:
        try:
            return work()
        except DogctlError as error:
            if error.code in LEFT_ALONE:
                raise
            raise self._undo(error, applied, step.unstoppable()) from error

    def _undo(self, error: DogctlError, applied: Applied, step: Run) -> DogctlError:
        step.progress("saving what there is to know")
        folder = self.project.state / "evidence"
        found = gather(self.cluster, applied.manifest, applied.image, folder, error, self.redact)
        try:
            self.lease.check()
            self._put_back(applied, step.results["values"], step)
            says, code = "the old values are back, and the app answers", ExitCode.ROLLED_BACK
        except DogctlError as failed:
            says = f"putting the old values back failed too: {failed.message}"
            code = ExitCode.ROLLBACK_FAILED
        return told(error, found, says, code, applied.noted.revision)

    def _put_back(self, applied: Applied, wanted: Wanted, step: Run) -> None:
        step.progress("putting the old values back")
        cluster, settings = self.cluster, self.project.settings
        passwords = Passwords(cluster, wanted.store)
        passwords.open(wanted.edits, back=True)
        patch(cluster, {each: (each.old, each.noted) for each in wanted.edits})
        store = cluster_secrets.read(cluster, settings, applied.manifest)
        stamp_all(cluster, applied.manifest, store)
        state = workloads.wait(
            cluster.kubernetes,
            cluster.namespace,
            applied.manifest,
            step,
            timeout=settings.rollback_timeout,
            check=self.lease.check,
        )
        verify(
            cluster.kubernetes,
            cluster.namespace,
            applied.manifest,
            state,
            applied.image,
            settings.health,
            step,
            self.lease.check,
        )
        passwords.close(wanted.edits, back=True)
        secrets_journal.forget(cluster)

    def _left(self, _: Results) -> str:
        return f"the change is under way and the app works: dogctl {self.verb} brings it to its end"


@dataclass(frozen=True)
class _SecretsChange:
    work: Work
    revision: Revision
    choose: Choose
    exact: bool

    @cached_property
    def manifest(self) -> tuple[Object, ...]:
        return tuple(objects(self.revision.manifest))

    def compare(self) -> Step:
        def done(_: Results) -> Wanted:
            return self._look()

        def change(results: Results) -> str:
            return results.show("compare")

        def detail(results: Results) -> Sequence[str]:
            lines: list[str] = results["compare"].lines()
            return lines

        return Step("compare", change, look_only, done=done, detail=detail, looks=True)

    def settle_what(self) -> Step:
        """The values, once nobody else can change them; noted before anything is done with them."""

        def done(results: Results) -> Wanted | None:
            wanted: Wanted = results["compare"]
            return wanted if wanted.current else None

        def run(step: Run) -> Wanted:
            wanted = step.interruptible(self._look)
            for secret in (*wanted.store.secrets(), *values_of(wanted.edits)):
                self.work.remember(secret)
            if wanted.edits:
                Passwords(self.work.cluster, wanted.store).check(wanted.edits)
                secrets_journal.write(self.work.cluster, wanted.edits)
            return wanted

        def change(_: Results) -> str:
            return "note what changes, so that a run that dies here is brought to its end"

        return Step("values", change, run, needs=("compare", "lock"), done=done)

    def put(self) -> Step:
        work = self.work

        def done(results: Results) -> Applied | None:
            return self._applied(fresh=False) if results["values"].current else None

        def run(step: Run) -> Applied:
            work.lease.check()
            applied = self._applied()
            work.undone(applied, step, lambda: self._put(step.results["values"]))
            return applied

        def change(_: Results) -> str:
            return "write the values, and have the pods made anew"

        return Step("secrets", change, run, needs=("values",), done=done, left=work._left)

    def finish(self) -> Step:
        work = self.work

        def done(results: Results) -> str | None:
            return None if results["secrets"].fresh else "not needed"

        def run(step: Run) -> str:
            work.lease.check()
            store = cluster_secrets.read(work.cluster, work.project.settings, self.manifest)
            Passwords(work.cluster, store).close(step.results["values"].edits)
            secrets_journal.forget(work.cluster)
            if self.exact and (missed := edits_of(store, (), self.choose(store))):
                raise _not_yet(missed, work.verb)
            return "done"

        def change(_: Results) -> str:
            return "let the database forget the old password"

        return Step("finish", change, run, needs=("secrets", "verify"), done=done, left=work._left)

    def _look(self) -> Wanted:
        cluster = self.work.cluster
        store = cluster_secrets.read(cluster, self.work.project.settings, self.manifest)
        begun = secrets_journal.read(cluster)
        edits = edits_of(store, begun, self.choose(store))
        check_values(self.revision.values, edits)
        stale = [
            Change(Action.CHANGE, title(item), (Difference("pods", "made before", "made anew"),))
            for item in live_users(cluster, self.manifest, store)
            if cluster_secrets.is_stale(item, store)
        ]
        changes = (*map(shown, edits), *stale)
        return Wanted(self.manifest, changes, self.revision, None, store, edits, bool(begun))

    def _put(self, wanted: Wanted) -> None:
        work = self.work
        Passwords(work.cluster, wanted.store).open(wanted.edits)
        noted = f"{record.now()} dogctl {work.verb}"
        patch(work.cluster, {each: (each.new, noted) for each in wanted.edits})
        store = cluster_secrets.read(work.cluster, work.project.settings, self.manifest)
        stamp_all(work.cluster, self.manifest, store)

    def _applied(self, *, fresh: bool = True) -> Applied:
        """What runs, which is the same revision before and after."""
        revision = self.revision
        noted = record.read(self.work.cluster).get(revision.number)
        noted = noted or self.work.note(revision.number, image_of(revision), revision.chart)
        return Applied(replace(noted, result=Result.OK), self.manifest, fresh)


def _not_yet(missed: Sequence[Edit], verb: str) -> DogctlError:
    """The database knew another password already, from the run before."""
    names = " ".join(each.name for each in missed)
    return DogctlError(
        f"the change of a run before was brought to its end first: {names} is not yet what you gave",
        code="another-change-first",
        where=names,
        hint=f"dogctl {verb} {names}",
    )
