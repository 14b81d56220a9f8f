"""The steps that a release and a rollback share: one at a time, wait, verify, undo what fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any, TypeVar

from dogctl.clouds.kubernetes import NAMESPACES, SERVICES, Object
from dogctl.clouds.kubernetes_errors import CONFLICT, FORBIDDEN
from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle import record, workloads
from dogctl.lifecycle.asking import NOT_ANSWERED
from dogctl.lifecycle.cluster import Cluster
from dogctl.lifecycle.evidence import Redact
from dogctl.lifecycle.lease import LOST, SECONDS, SHORTEST_WAIT, Lease
from dogctl.lifecycle.local import make_state, try_lock
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.record import Record, Result
from dogctl.lifecycle.release_diff import Change
from dogctl.lifecycle.revisions import give_up, present, revisions
from dogctl.lifecycle.scale import check_whole
from dogctl.lifecycle.undo import Undo
from dogctl.lifecycle.verify import Verified, verify
from dogctl.lifecycle.workloads import State
from dogctl.plan import Results, Run, Step
from dogctl.secrets import Remember
from dogctl.tools.helm_storage import Revision, Status

if TYPE_CHECKING:
    from dogctl.config.model import Project

Found = TypeVar("Found")


@dataclass(frozen=True)
class Options:
    """What the flags ask for.

    Args:
        keep_failed: leave a failed release as it is, to look at it.
        lock_wait: seconds to wait for another run on the same release.
        backup: save the database before its image changes, even if the setting only offers it.
    """

    keep_failed: bool = False
    lock_wait: float = SHORTEST_WAIT
    backup: bool = False


@dataclass(frozen=True)
class Comparison:
    """What is to be, beside what there is.

    Args:
        manifest: the objects that are to be.
        changes: what that changes.
        latest: the last revision, if there is one.
        noted: what dogctl has noted of that.
    """

    manifest: tuple[Object, ...]
    changes: tuple[Change, ...]
    latest: Revision | None
    noted: Record | None

    @property
    def pending(self) -> bool:
        """Whether a run died in the middle of it."""
        return bool(self.latest and self.latest.status.pending)

    @property
    def current(self) -> bool:
        """Whether there is nothing to change."""
        return bool(self.latest and self.latest.status is Status.DEPLOYED) and not self.changes

    @property
    def verified(self) -> bool:
        """Whether there is nothing to change, and nothing that a run before has left to do."""
        return self.current and bool(self.noted and self.noted.result is Result.OK)

    def lines(self) -> list[str]:
        """All changes, for people."""
        return [line for each in self.changes for line in each.lines()]

    def __str__(self) -> str:
        if self.latest and self.pending:
            return f"revision {self.latest.number} is {self.latest.status}: known after lock"
        if self.current:
            return "nothing changes"
        actions = [each.action for each in self.changes]
        counts = (f"{actions.count(action)} to {action}" for action in dict.fromkeys(actions))
        return ", ".join(counts) or "the last revision did not end well, and is made again"


@dataclass(frozen=True)
class Applied:
    """A revision, and what it is made of.

    Args:
        fresh: whether it was made just now.
        undo: whether it is undone if it does not work. What has worked, or Helm alone has made, is
            not: it has another trouble than this run.
    """

    noted: Record
    manifest: tuple[Object, ...]
    fresh: bool = True
    undo: bool = True

    @property
    def image(self) -> ImageRef | None:
        return ImageRef.parse(self.noted.image) if self.noted.image else None


@dataclass(frozen=True)
class Work:
    """The shared steps of one run.

    They need a step `compare`, which answers a Comparison, and one that answers what was Applied.

    Args:
        verb: what is done.
        applies: the name of the step that does it.
        remember: hears of every secret before it is used.
        redact: masks all of them.
    """

    project: Project
    cluster: Cluster
    options: Options
    remember: Remember
    redact: Redact
    verb: str
    applies: str

    @cached_property
    def lease(self) -> Lease:
        return Lease(self.cluster, self.verb, wait=self.options.lock_wait)

    def take(self) -> Step:
        """The lock of the release; and a revision that a dead run left pending is given up."""

        def run(step: Run) -> str:
            compared = step.results.get("compare")
            step.interruptible(lambda: self._see_that_it_can_be_verified(compared))
            step.interruptible(self._make_namespace)
            self.lease.take(step)
            self.outlast_helm(step)
            found = revisions(self.cluster)
            if found and found[-1].status.pending:
                give_up(self.cluster, found[-1])
                step.progress(f"revision {found[-1].number} was left in the middle: given up")
            if latest := present(found):
                self._see_that_its_data_is_whole(latest)
            return TAKEN

        def change(results: Results) -> str:
            says = f"let no other dogctl change {self.cluster.release} meanwhile"
            left = "compare" in results and results["compare"].pending
            return f"{says}, and repair what a dead run left" if left else says

        return Step("lock", change, run, needs=("compare",), done=if_verified)

    def roll_out(self) -> Step:
        """Wait until every pod is ready."""

        def done(results: Results) -> State | None:
            applied: Applied = results[self.applies]
            if applied.fresh:
                return None
            cluster = self.cluster
            state = workloads.look(cluster.kubernetes, cluster.namespace, applied.manifest)
            return state if state.settled else None

        def run(step: Run) -> State:
            applied: Applied = step.results[self.applies]
            return self.undone(
                applied,
                step,
                lambda: workloads.wait(
                    self.cluster.kubernetes,
                    self.cluster.namespace,
                    applied.manifest,
                    step,
                    timeout=self.project.settings.release_timeout,
                    check=self.lease.check,
                ),
            )

        def change(_: Results) -> str:
            return "wait until every pod is ready"

        return Step("rollout", change, run, needs=(self.applies,), done=done, left=self._left)

    def verify(self) -> Step:
        """See that what runs is what was released, and that it answers."""

        def check(results: Results, step: Run | None) -> Verified:
            applied: Applied = results[self.applies]
            return verify(
                self.cluster.kubernetes,
                self.cluster.namespace,
                applied.manifest,
                results["rollout"],
                applied.image,
                self.project.settings.health,
                step,
                self.lease.check,
            )

        def done(results: Results) -> Verified | None:
            if results[self.applies].noted.result is not Result.OK:
                return None
            try:
                return check(results, None)
            except DogctlError:
                return None

        def run(step: Run) -> Verified:
            applied: Applied = step.results[self.applies]
            found = self.undone(applied, step, lambda: check(step.results, step))
            if applied.noted.result is not Result.OK:
                record.write(self.cluster, replace(applied.noted, result=Result.OK))
            return found

        def change(_: Results) -> str:
            return f"see that every pod runs that image, and GET {self.project.settings.health}"

        needs = (self.applies, "rollout")
        return Step("verify", change, run, needs=needs, done=done, left=self._left)

    def give_back(self) -> Step:
        """Free the lock, however the steps before have ended."""

        def run(step: Run) -> str:
            try:
                self.lease.give_back()
            except DogctlError as error:
                if error.code != NOT_ANSWERED:
                    raise
                step.progress(f"{error.message}: it ends by itself within {SECONDS} s")
            self.cluster.helm.inherit = ()
            self._helm_lock.close()
            return "free"

        def change(_: Results) -> str:
            return f"let others change {self.cluster.release} again"

        needs = ("lock", "verify")
        return Step("unlock", change, run, needs=needs, done=if_verified, always=True)

    def found(self, compared: Comparison, noted: Record) -> Applied:
        """The revision that runs, where nothing changes; `noted` if nothing is known of it."""
        known = compared.noted
        undo = known is not None and known.result is not Result.OK
        return Applied(known or noted, compared.manifest, fresh=False, undo=undo)

    def note(
        self, number: int, image: ImageRef | None, chart: str, of: int | None = None
    ) -> Record:
        """What is noted of a new revision."""
        environ = self.cluster.environ
        return Record(
            revision=number,
            action=self.verb,
            result=Result.PENDING,
            version=(image.tag or "") if image else "",
            image=str(image or ""),
            chart=chart,
            by=record.who(environ),
            at=record.now(),
            run=record.run_address(environ),
            of=of,
        )

    def undone(self, applied: Applied, step: Run, work: Callable[[], Found]) -> Found:
        """The answer of some work; if that fails, the revision is undone before it is told.

        A wish to stop undoes nothing, nor does a lock that somebody else has now.
        """
        try:
            return work()
        except DogctlError as error:
            if error.code in LEFT_ALONE:
                raise
            undo = Undo(
                self.project,
                self.cluster,
                self.options.keep_failed,
                self.remember,
                self.redact,
                self.lease.check,
                partial(self.take_back, step.results),
            )
            told = undo if applied.undo else undo.nothing
            raise told(error, applied.noted, applied.manifest, step) from error

    def take_back(self, results: Results) -> None:
        """What an undone release takes back before its revision: nothing, unless a verb has more."""

    def _left(self, results: Results) -> str:
        number = results[self.applies].noted.revision
        says = f"revision {number} is in the cluster and not verified: dogctl {self.verb} goes on"
        return says if self.verb == "rollback" else f"{says}, dogctl rollback takes it back"

    def _see_that_it_can_be_verified(self, compared: Comparison | None) -> None:
        """Else a release that works would be undone. Raises DogctlError."""
        kubernetes, namespace = self.cluster.kubernetes, self.cluster.namespace
        manifest = compared.manifest if compared else ()
        asks = any(item["kind"] == "Service" for item in manifest)
        if asks and not kubernetes.may("get", SERVICES, namespace, part="proxy"):
            raise DogctlError(
                "you may not ask the app through its service, so that nothing could be verified",
                code=FORBIDDEN,
                where=f"{namespace}/services/proxy",
                hint="let the cluster's administrator grant to get services/proxy",
            )

    def _see_that_its_data_is_whole(self, latest: Revision) -> None:
        """Else the app would come back on half a database. Raises DogctlError."""
        check_whole(self.cluster, objects(latest.manifest))

    @cached_property
    def _helm_lock(self) -> IO[bytes]:
        """Locked as long as we or a Helm of ours are at work here."""
        make_state(self.project.state)
        return (self.project.state / f"helm-{self.cluster.environment}.lock").open("ab")

    def outlast_helm(self, step: Run) -> None:
        """Wait for the Helm of a run on this machine that died: it goes on without it."""
        lock = self._helm_lock.fileno()
        while not try_lock(lock):
            self.lease.check()
            step.progress("waiting for the Helm of a run that died")
            step.sleep(HELM_POLL)
        self.cluster.helm.inherit = (lock,)

    def _make_namespace(self) -> None:
        kubernetes, name = self.cluster.kubernetes, self.cluster.namespace
        try:
            is_there = kubernetes.get(NAMESPACES, name) is not None
        except DogctlError as error:
            if error.code != FORBIDDEN:
                raise
            is_there = True  # who may look at nothing else works where others have made it
        if not is_there:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            try:
                kubernetes.create(NAMESPACES, body)
            except DogctlError as error:
                if error.code != CONFLICT:  # somebody else was first
                    raise


TAKEN = "taken"
HELM_POLL = 0.5
LEFT_ALONE = frozenset({"cancelled", LOST})


def if_verified(results: Results) -> str | None:
    """The answer of a step that has nothing to do where all is done."""
    return "not needed" if results["compare"].verified else None


def look_only(_: Run) -> Any:
    """For a step that has looked, and has nothing to do."""
    raise AssertionError("it looks, and always finds an answer")
