"""`dogctl uninstall`: a release goes from its cluster; its data stays, unless asked otherwise.

What is left of a run that died is found by its labels, so the same command goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Text
from dogctl.clouds.kubernetes import PODS, SECRETS, VOLUME_CLAIMS, Object
from dogctl.lifecycle.backup import default_file, dump
from dogctl.lifecycle.cluster import Cluster, connect
from dogctl.lifecycle.database import Server, find_database
from dogctl.lifecycle.evidence import Redact
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.release_steps import Options, Work, look_only
from dogctl.lifecycle.remains import There, look, notes_of
from dogctl.lifecycle.revisions import give_up, revisions
from dogctl.lifecycle.scale import has_ended, stuck
from dogctl.lifecycle.workloads import POLL
from dogctl.plan import Plan, Results, Run, Step
from dogctl.secrets import Remember
from dogctl.tools.helm_storage import Status
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project


def plan_uninstall(
    project: Project,
    options: Options,
    *,
    volumes: bool,
    backup: bool,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Remove the release, and with `volumes` its data too; `backup` saves the database first.

    Raises ConfigError, DogctlError.
    """
    cluster = connect(project, remember=remember, changes=True, runner=runner)
    there = look(cluster)
    work = Work(project, cluster, options, remember, redact, verb="uninstall", applies="uninstall")
    uninstall = _Uninstall(work, there, volumes, backup)
    gone = there.is_gone(volumes=volumes)
    steps = (
        uninstall.compare(),
        uninstall.lock(),
        uninstall.back_up(),
        uninstall.remove(),
        uninstall.wait(),
        *((uninstall.delete_data(),) if volumes else ()),
        uninstall.tidy(),
        replace(
            work.give_back(),
            needs=("lock", "tidy"),
            done=lambda _: "not needed" if gone else None,
        ),
    )
    if gone:
        return Plan("uninstall", steps)
    typed = cluster.release if project.settings.protected else None
    return Plan("uninstall", steps, _warning(project, cluster, there, volumes=volumes), typed)


def own_database(project: Project, remember: Remember = lambda _: None) -> bool:
    """Whether there is a database to save before the release goes. Raises DogctlError."""
    cluster = connect(project, remember=remember)
    found = revisions(cluster)
    going = bool(found) and found[-1].status is Status.UNINSTALLING
    return bool(found) and not going and find_database(objects(found[-1].manifest)) is not None


def answer_uninstall(project: Project, plan: Plan, results: Results) -> Answer:
    """What is left, and how that is removed."""
    there: There = results["tidy"]
    environment = project.environment or ""
    already = plan.warning is None
    says = f"there is nothing of it in {environment}" if already else f"gone from {environment}"
    kept = [f"volume claim {name}" for name in there.claims]
    kept += [f"Secret {name}" for name in there.secrets]
    rows = [("Kept", each) for each in kept]
    if kept:
        rows.append(("Remove", "dogctl uninstall --volumes"))
    saved = results.get("backup")
    if isinstance(saved, Path):
        rows.append(("Saved", str(saved)))
    data = {
        "environment": environment,
        "kept": {"claims": list(there.claims), "secrets": list(there.secrets)},
        "backup": str(saved) if isinstance(saved, Path) else None,
    }
    return Answer(data, (Text(says), *((Fields(tuple(rows)),) if rows else ())))


def _warning(project: Project, cluster: Cluster, there: There, *, volumes: bool) -> str:
    guarded = f"{project.environment} is protected. " if project.settings.protected else ""
    data = ", ".join((*there.claims, *there.secrets))
    fate = f" Its data goes too: {data}." if volumes else f" Its data stays: {data}."
    lost = (
        f" Its chart has Helm remove {', '.join(there.lost)}, with all data." if there.lost else ""
    )
    what = f"This removes {cluster.release} from {cluster.namespace}, {len(there.goes)} objects."
    return f"{guarded}{what}{lost}{fate if data else ''}"


@dataclass(frozen=True)
class _Uninstall:
    work: Work
    there: There
    volumes: bool
    backup: bool

    @cached_property
    def gone(self) -> bool:
        return self.there.is_gone(volumes=self.volumes)

    def _if_gone(self, _: Results) -> str | None:
        return "not needed" if self.gone else None

    def compare(self) -> Step:
        def change(_: Results) -> str:
            if self.gone:
                return "there is nothing of it"
            return f"{len(self.there.goes)} objects go, {len(self.there.pods)} pods end"

        def detail(_: Results) -> Sequence[str]:
            data = (*(f"PersistentVolumeClaim/{n}" for n in self.there.claims),)
            data += tuple(f"Secret/{n}" for n in self.there.secrets)
            mark = "-" if self.volumes else "="
            return (*(f"- {name}" for name in self.there.goes), *(f"{mark} {n}" for n in data))

        def done(_: Results) -> There:
            return self.there

        return Step("compare", change, look_only, done=done, detail=detail, looks=True)

    def lock(self) -> Step:
        work = self.work

        def run(step: Run) -> str:
            work.lease.take(step)
            work.outlast_helm(step)
            found = revisions(work.cluster)
            # One that is going has to say so until it is gone: then nothing is saved any more.
            if found and found[-1].status.pending and found[-1].status is not Status.UNINSTALLING:
                give_up(work.cluster, found[-1])
            return "taken"

        def change(_: Results) -> str:
            return f"let no other dogctl change {work.cluster.release} meanwhile"

        return Step("lock", change, run, needs=("compare",), done=self._if_gone)

    def back_up(self) -> Step:
        work, latest = self.work, self.there.latest
        database = find_database(objects(latest.manifest)) if latest else None
        # A run that died while it removed things has saved them before.
        going = latest is not None and latest.status is Status.UNINSTALLING
        needed = self.backup and database is not None and not going
        path = default_file(work.project, database, "-uninstall") if database else Path()

        def done(_: Results) -> str | None:
            return None if needed else "not needed"

        def run(step: Run) -> Path:
            if latest is None or database is None:
                raise AssertionError("only a release has a database")
            server = Server(work.cluster, database)
            return dump(work.project, server, latest, path, work.remember, step).path

        def change(_: Results) -> str:
            if database is None:
                return "it has no database of its own to save"
            return f"save its database to {path}" if needed else "its database is not saved"

        return Step("backup", change, run, needs=("lock",), done=done)

    def remove(self) -> Step:
        work = self.work

        def done(_: Results) -> str | None:
            return "not needed" if self.there.latest is None else None

        def run(_: Run) -> str:
            work.lease.check()
            if revisions(work.cluster):  # nobody else was first
                work.cluster.helm.uninstall(work.cluster.release)
            return "gone"

        def change(_: Results) -> str:
            return f"remove the release {work.cluster.release} with Helm"

        return Step("uninstall", change, run, needs=("backup",), done=done, left=_left)

    def wait(self) -> Step:
        def run(step: Run) -> str:
            deadline = monotonic() + self.work.project.settings.release_timeout
            while left := step.interruptible(self._pods):
                self.work.lease.check()
                self._delete_ended(left)
                if monotonic() > deadline:
                    raise stuck([pod["metadata"]["name"] for pod in left])
                step.progress(f"{len(left)} pods are ending")
                step.sleep(POLL)
            return "ended"

        def change(_: Results) -> str:
            return "wait until its pods have ended"

        return Step("pods", change, run, needs=("uninstall",), done=self._if_gone, left=_left)

    def delete_data(self) -> Step:
        def run(_: Run) -> str:
            work = self.work
            work.lease.check()
            for name in self.there.claims:
                work.cluster.kubernetes.delete(VOLUME_CLAIMS, name, work.cluster.namespace)
            for name in self.there.secrets:
                work.cluster.kubernetes.delete(SECRETS, name, work.cluster.namespace)
            return "deleted"

        def change(_: Results) -> str:
            return f"delete its data: {', '.join((*self.there.claims, *self.there.secrets))}"

        return Step("data", change, run, needs=("pods",), done=self._if_gone, left=_left)

    def tidy(self) -> Step:
        """What dogctl has noted of it goes last, so that a dead run is found."""
        cluster = self.work.cluster

        def done(_: Results) -> There | None:
            return self.there if self.gone else None

        def run(_: Run) -> There:
            for kind, name in notes_of(cluster):
                cluster.kubernetes.delete(kind, name, cluster.namespace)
            return look(cluster)

        def change(_: Results) -> str:
            return "remove what dogctl has noted of it"

        needs = ("data",) if self.volumes else ("pods",)
        return Step("tidy", change, run, needs=needs, done=done, left=_left)

    def _delete_ended(self, pods: Sequence[Object]) -> None:
        """What is through belongs to nobody any more, such as the pod of a test that has failed."""
        cluster = self.work.cluster
        for pod in pods:
            if has_ended(pod) and "deletionTimestamp" not in pod["metadata"]:
                cluster.kubernetes.delete(PODS, pod["metadata"]["name"], cluster.namespace)

    def _pods(self) -> list[Object]:
        cluster = self.work.cluster
        found = (cluster.kubernetes.get(PODS, name, cluster.namespace) for name in self.there.pods)
        return [pod for pod in found if pod]


def _left(_: Results) -> str:
    return "the release is removed in part: dogctl uninstall goes on"
