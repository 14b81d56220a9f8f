"""`dogctl db restore`: the database that a release runs itself, as it was in a file.

The file is loaded into a database beside it first: what cannot be loaded has changed nothing by
then. What is there is saved. Then the app's pods end, the database is made anew from the file, and
the pods come back; so nobody writes meanwhile, and the count is that of the file. If dogctl is
killed in between, the app stays without pods until the same command has run to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Text
from dogctl.clouds.kubernetes import Object
from dogctl.errors import DogctlError
from dogctl.lifecycle import cluster_secrets, dump_file, record
from dogctl.lifecycle.backup import Dump, default_file, dump, own_server
from dogctl.lifecycle.cluster import connect
from dogctl.lifecycle.cluster_secrets import app_secret
from dogctl.lifecycle.database import Database, Server, name, text
from dogctl.lifecycle.evidence import Redact
from dogctl.lifecycle.manifest import objects, title
from dogctl.lifecycle.record import Result
from dogctl.lifecycle.release_steps import Applied, Found, Options, Work, look_only
from dogctl.lifecycle.revisions import running
from dogctl.lifecycle.scale import Scale
from dogctl.lifecycle.shipped import image_of
from dogctl.lifecycle.visits import visits
from dogctl.plan import Plan, Results, Run, Step
from dogctl.secrets import Remember, Secret
from dogctl.tools.helm_storage import Revision
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

_BESIDE = "_dogctl_restore"
_CHARSET = "utf8mb4 utf8mb4_general_ci"


def plan_restore(
    project: Project,
    file: Path,
    options: Options,
    *,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Put a dump in the place of what the database holds. Raises ConfigError, DogctlError."""
    size = dump_file.check(file)
    cluster = connect(project, remember=remember, changes=True, runner=runner)
    revision = running(cluster)
    server = own_server(cluster, revision)
    work = _Restoring(
        project, cluster, options, remember, redact, verb="db restore", applies="load"
    )
    restore = _Restore(work, server, revision, file, size)
    lock = replace(work.take(), needs=("file",), done=lambda _: None)
    steps = (
        restore.look(),
        lock,
        restore.save(),
        restore.rehearse(),
        restore.stop(),
        restore.load(),
        work.roll_out(),
        work.verify(),
        restore.count(),
        replace(work.give_back(), needs=("lock", "count"), done=lambda _: None),
    )
    guarded = f"{project.environment} is protected. " if project.settings.protected else ""
    warning = (
        f"{guarded}This replaces all data of {server.database.name} in {project.environment} by"
        f" those in {file}, and stops the app meanwhile."
    )
    typed = cluster.release if project.settings.protected else None
    return Plan("db restore", steps, warning, typed)


def answer_restore(environment: str, results: Results) -> Answer:
    """What there is now, and where that is which was there before."""
    saved: Dump | None = results["save"] or None
    count: int | None = results["count"]["visits"]
    rows = [
        *((("Visits", str(count)),) if count is not None else ()),
        *((("Before", f"saved in {saved.path}"),) if saved else ()),
        ("Pods", f"{results['verify'].pods} run again"),
    ]
    data = {
        "environment": environment,
        "visits": count,
        "saved": str(saved.path) if saved else None,
        "pods": results["verify"].pods,
    }
    return Answer(data, (Text(f"the database of {environment} is restored"), Fields(tuple(rows))))


def clients(manifest: Sequence[Object], database: Database, app: str) -> list[Object]:
    """The workloads that use a database: those with its password, or with the app's Secret."""
    found = cluster_secrets.users(manifest, [app, database.secret])
    return [item for item in found if title(item) != f"StatefulSet/{database.workload}"]


@dataclass(frozen=True)
class _Restoring(Work):
    """The shared steps; there is nothing to undo but by another restore."""

    def undone(self, applied: Applied, step: Run, work: Callable[[], Found]) -> Found:  # noqa: ARG002
        return work()

    def _see_that_its_data_is_whole(self, latest: Revision) -> None:
        """That is what this is for."""

    def _left(self, _: Results) -> str:
        return "the app may be stopped: dogctl db restore brings it back"


@dataclass(frozen=True)
class _Restore:
    work: Work
    server: Server
    revision: Revision
    file: Path
    size: int

    @cached_property
    def manifest(self) -> tuple[Object, ...]:
        return tuple(objects(self.revision.manifest))

    @cached_property
    def scale(self) -> Scale:
        cluster = self.work.cluster
        app = app_secret(self.work.project.settings, self.manifest, cluster.release)
        return Scale(cluster, clients(self.manifest, self.server.database, app))

    @cached_property
    def root(self) -> Secret:
        root = self.server.root()
        self.work.remember(root)
        return root

    @property
    def database(self) -> str:
        return self.server.database.name

    def look(self) -> Step:
        def done(_: Results) -> int:
            self.server.check()
            return self.size

        def change(_: Results) -> str:
            return f"{self.file} is whole: {self.size / 1e6:.2f} MB of statements"

        return Step("file", change, look_only, done=done, looks=True)

    def save(self) -> Step:
        """What is there, unless a dead run has left half a database."""
        path = default_file(self.work.project, self.server.database, "-before-restore")

        def done(_: Results) -> bool | None:
            return False if self.scale.is_down else None

        def run(step: Run) -> Dump:
            work = self.work
            return dump(work.project, self.server, self.revision, path, work.remember, step)

        def change(_: Results) -> str:
            return f"save what is there now to {path}"

        return Step("save", change, run, needs=("lock",), done=done)

    def rehearse(self) -> Step:
        beside = f"{self.database}{_BESIDE}"

        def run(step: Run) -> str:
            server = replace(self.server, keep_on=step.check)
            drop = f"DROP DATABASE IF EXISTS {name(beside)};"
            self.server.ask(f"{drop} CREATE DATABASE {name(beside)};", self.root)
            try:
                with dump_file.opened(self.file) as statements:
                    server.load(self.root, beside, statements)
            finally:
                self.server.ask(drop, self.root)
            return "it loads"

        def change(_: Results) -> str:
            return "load the file beside the database first, to see that it can be"

        return Step("rehearse", change, run, needs=("save",))

    def stop(self) -> Step:
        timeout = self.work.project.settings.release_timeout

        def run(step: Run) -> str:
            self.work.lease.check()
            self.scale.down()
            try:
                self.scale.wait_down(step, self.work.lease.check, timeout)
            except DogctlError:
                self.scale.up()
                raise
            return "stopped"

        def change(_: Results) -> str:
            return "end the app's pods, so that nobody writes meanwhile"

        return Step("stop", change, run, needs=("rehearse",), left=self.work._left)

    def load(self) -> Step:
        def run(step: Run) -> Applied:
            self.work.lease.check()
            step.progress("the database is made anew")
            try:
                self._replace()
            except DogctlError as error:
                error.detail = (*error.detail, "the app is stopped, as its database is not whole")
                error.hint = "run the command again, or restore what was saved before"
                raise
            self.scale.up()
            return self._applied()

        def change(_: Results) -> str:
            return f"make the database {self.database} anew from the file, and the app's pods"

        return Step("load", change, run, needs=("stop",), left=self.work._left)

    def count(self) -> Step:
        def run(_: Run) -> dict[str, int | None]:
            work = self.work
            image = image_of(self.revision)
            number = visits(work.cluster, work.project.settings, self.manifest, image)
            return {"visits": number}

        def change(_: Results) -> str:
            return "ask the app for its count"

        return Step("count", change, run, needs=("verify",))

    def _replace(self) -> None:
        ask, database = self.server.ask, self.database
        found = ask(_CHARACTERS.format(text(database)), self.root) or _CHARSET
        characters, collation = found.split()
        ask(
            f"DROP DATABASE IF EXISTS {name(database)};"
            f" CREATE DATABASE {name(database)} CHARACTER SET {characters} COLLATE {collation};",
            self.root,
        )
        with dump_file.opened(self.file) as statements:
            self.server.load(self.root, database, statements)

    def _applied(self) -> Applied:
        work, revision = self.work, self.revision
        noted = record.read(work.cluster).get(revision.number)
        noted = noted or work.note(revision.number, image_of(revision), revision.chart)
        return Applied(replace(noted, result=Result.OK), self.manifest)


_CHARACTERS = (
    "SELECT default_character_set_name, default_collation_name"
    " FROM information_schema.schemata WHERE schema_name = {};"
)
