"""`dogctl db backup`: the database that a release runs itself, as a file of statements."""

from __future__ import annotations

import errno
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Text
from dogctl.errors import ConfigError, DogctlError
from dogctl.lifecycle.cluster import Cluster, connect
from dogctl.lifecycle.database import Database, Server, find_database, text
from dogctl.lifecycle.dump_file import Written, new_file
from dogctl.lifecycle.local import make_state
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.revisions import running
from dogctl.lifecycle.scale import check_whole
from dogctl.lifecycle.shipped import image_of
from dogctl.lifecycle.visits import visits
from dogctl.plan import Plan, Results, Run, Step
from dogctl.secrets import Remember
from dogctl.tools.helm_storage import Revision
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

FOLDER = "backups"
NO_DATABASE = "no-own-database"


@dataclass(frozen=True)
class Dump:
    """A dump that is whole.

    Args:
        path: the file.
        size: its bytes.
        statements: bytes of the statements in it.
        tables: how many tables the database had.
        visits: what the app said of its visits just before, if it says so at all.
    """

    path: Path
    size: int
    statements: int
    tables: int
    visits: int | None


def plan_backup(
    project: Project,
    file: Path | None,
    *,
    remember: Remember = lambda _: None,
    runner: Runner = LOCAL,
) -> Plan:
    """Dump the database while it works on. Raises ConfigError: the release has none of its own."""
    cluster = connect(project, remember=remember, runner=runner)
    revision = running(cluster)
    server = own_server(cluster, revision)
    path = file or default_file(project, server.database)
    return Plan("db backup", (backup_step(project, server, revision, path, remember),))


def backup_step(
    project: Project, server: Server, revision: Revision, path: Path, remember: Remember
) -> Step:
    """Write the dump; answers a Dump."""

    def run(step: Run) -> Dump:
        return dump(project, server, revision, path, remember, step)

    def change(_: Results) -> str:
        return f"write the database {server.database.name} to {path}"

    return Step("backup", change, run)


def answer_backup(environment: str, results: Results) -> Answer:
    """Where it is, and what is in it."""
    done: Dump = results["backup"]
    rows = [
        ("File", str(done.path)),
        ("Size", f"{done.size / 1e6:.2f} MB, {done.statements / 1e6:.2f} MB of statements"),
        ("Tables", str(done.tables)),
        *((("Visits", str(done.visits)),) if done.visits is not None else ()),
        ("Restore", f"dogctl db restore {done.path}"),
    ]
    data = {
        "environment": environment,
        "file": str(done.path),
        "size": done.size,
        "statements": done.statements,
        "tables": done.tables,
        "visits": done.visits,
    }
    return Answer(data, (Text(f"the database of {environment} is saved"), Fields(tuple(rows))))


def own_server(cluster: Cluster, revision: Revision) -> Server:
    """The database server of the release. Raises ConfigError if it runs none."""
    database = find_database(objects(revision.manifest))
    if database is None:
        raise ConfigError(
            f"{cluster.release} runs no database itself",
            code=NO_DATABASE,
            where=cluster.environment,
            hint="use what its server has: mysqldump or pg_dump from a machine that reaches it;"
            " for Cloud SQL, gcloud sql backups create, or gcloud sql export sql",
        )
    return Server(cluster, database)


def default_file(project: Project, database: Database, mark: str = "") -> Path:
    """Named after the database and the time."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = f"{now}{mark}-{database.name}.sql.gz"
    return project.state / FOLDER / str(project.environment) / name


def dump(
    project: Project,
    server: Server,
    revision: Revision,
    path: Path,
    remember: Remember,
    step: Run,
) -> Dump:
    """Write a dump to a file. Raises DogctlError; there is no file then."""
    check_whole(server.cluster, objects(revision.manifest))
    server = replace(server, keep_on=step.check)
    server.check()
    root = server.root()
    remember(root)
    manifest, image = objects(revision.manifest), image_of(revision)
    count = visits(server.cluster, project.settings, manifest, image)
    step.check()
    tables = len(server.ask(_TABLES.format(text(server.database.name)), root).split())
    try:
        if path.is_relative_to(project.state):
            make_state(project.state)
        with new_file(path) as file:
            with closing(Written(file, step.glance)) as written:
                server.dump(root, written)  # type: ignore[arg-type]
            written.check()
    except OSError as error:
        raise DogctlError(
            "the disk is full"
            if error.errno == errno.ENOSPC
            else f"cannot write: {error.strerror}",
            code="unwritable",
            where=str(path),
            hint="make room, or name a file elsewhere",
        ) from error
    return Dump(path, path.stat().st_size, written.size, tables, count)


_TABLES = "SELECT HEX(table_name) FROM information_schema.tables WHERE table_schema = {};"
