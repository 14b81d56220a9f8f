"""When a release fails: evidence first, then back to the last revision that worked.

A rollback has a budget of its own, and what a user stops is not undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dogctl.clouds.kubernetes import Object
from dogctl.errors import DogctlError, ExitCode
from dogctl.image import ImageRef
from dogctl.lifecycle import record, workloads
from dogctl.lifecycle.evidence import Evidence, Redact, gather, secrets_of
from dogctl.lifecycle.go_back import go_back
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.record import Record, Result
from dogctl.lifecycle.revisions import give_up, revisions, worked_before
from dogctl.lifecycle.shipped import image_of
from dogctl.lifecycle.verify import verify
from dogctl.plan import Run
from dogctl.secrets import Remember
from dogctl.tools.helm_storage import Revision

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.lifecycle.cluster import Cluster


@dataclass(frozen=True)
class Undo:
    """How a failed revision of a release is undone.

    Args:
        keep_failed: leave it as it is, to look at it.
        remember: hears of every secret of the release before anything is saved.
        redact: masks them.
        check: raises once the lock of the release is lost.
        also: takes back what was changed before the revision, such as secrets.
    """

    project: Project
    cluster: Cluster
    keep_failed: bool
    remember: Remember
    redact: Redact
    check: Callable[[], None]
    also: Callable[[], None]

    def __call__(
        self, error: DogctlError, noted: Record, manifest: Sequence[Object], step: Run
    ) -> DogctlError:
        """Save the evidence, undo the revision, and say all of it in the error to raise."""
        found = self._evidence(error, noted, manifest, step)
        try:
            record.write(self.cluster, replace(noted, result=Result.FAILED, cause=error.code))
            says, code = self._undo(noted, error, step)
        except (DogctlError, OSError) as failed:
            says, code = f"the rollback failed too: {failed}", ExitCode.ROLLBACK_FAILED
        return told(error, found, says, code, noted.revision)

    def nothing(
        self, error: DogctlError, noted: Record, manifest: Sequence[Object], step: Run
    ) -> DogctlError:
        """Save the evidence, and say that nothing was undone, since nothing was changed."""
        found = self._evidence(error, noted, manifest, step)
        says = f"nothing, since nothing was changed: revision {noted.revision} is as it was"
        return told(error, found, says, ExitCode.FAILED, noted.revision)

    def _evidence(
        self, error: DogctlError, noted: Record, manifest: Sequence[Object], step: Run
    ) -> Evidence:
        image = ImageRef.parse(noted.image) if noted.image else None
        step.progress("saving what there is to know")
        for secret in secrets_of(self.cluster, manifest):
            self.remember(secret)
        folder = self.project.state / "evidence"
        return gather(self.cluster, manifest, image, folder, error, self.redact)

    def _undo(self, noted: Record, error: DogctlError, step: Run) -> tuple[str, ExitCode]:
        """What was done, and the exit code for it. Raises DogctlError if that fails too."""
        if self.keep_failed:
            return f"revision {noted.revision} is left as it is", ExitCode.FAILED
        self.check()
        known = record.read(self.cluster)
        found = revisions(self.cluster)
        if found and found[-1].status.pending:  # Helm itself was killed
            give_up(self.cluster, found[-1])
        target = worked_before(found, known, noted.revision)
        if target is None:
            step.progress("removing the first release; its volumes stay")
            self.cluster.helm.uninstall(self.cluster.release)
            record.remove(self.cluster)
            return "the first release was removed; its volumes stay", ExitCode.FAILED
        self.also()
        # Who asked to stop asked for the release to stop, not for a rollback half done.
        self.roll_back(target, noted, error.code, step.unstoppable())
        return f"rolled back to revision {target.number}, which answers again", ExitCode.ROLLED_BACK

    def roll_back(self, target: Revision, noted: Record, cause: str, step: Run) -> Record:
        """Go back to a revision, and see that it works. Raises DogctlError."""
        cluster = self.cluster
        step.progress(f"rolling back to revision {target.number}")
        go_back(cluster, target)
        now = revisions(cluster)[-1]
        manifest = objects(now.manifest)
        image = image_of(target)
        back = replace(
            noted,
            revision=now.number,
            action="rollback",
            result=Result.PENDING,
            of=target.number,
            cause=cause,
            image=str(image or ""),
            chart=target.chart,
            version=(image.tag or "") if image else "",
            at=record.now(),
        )
        record.write(cluster, back)
        try:
            self._verify(manifest, image, step)
        except DogctlError as error:
            record.write(cluster, replace(back, result=Result.FAILED, cause=error.code))
            raise
        done = replace(back, result=Result.OK)
        record.write(cluster, done)
        return done

    def _verify(self, manifest: Sequence[Object], image: ImageRef | None, step: Run) -> None:
        kubernetes, namespace = self.cluster.kubernetes, self.cluster.namespace
        settings = self.project.settings
        state = workloads.wait(
            kubernetes,
            namespace,
            manifest,
            step,
            timeout=settings.rollback_timeout,
            check=self.check,
        )
        verify(kubernetes, namespace, manifest, state, image, settings.health, step, self.check)


def told(
    error: DogctlError, found: Evidence, says: str, code: ExitCode, revision: int
) -> DogctlError:
    """The error to raise: what failed, what is known of it, and what was undone."""
    place = (f"evidence: {found.folder}",) if found.folder else ()
    whole = DogctlError(
        error.message,
        code=error.code,
        where=error.where,
        hint=error.hint,
        detail=(*error.detail, *found.lines, f"undone: {says}", *place),
        data={**(error.data or {}), "evidence": found.folder and str(found.folder), "undone": says}
        | {"revision": revision},
    )
    whole.exit_code = code
    return whole
