"""`dogctl uninstall`: the end of a release."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command
from dogctl.cli.release import BackUp, Confirm, LockWait

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session
    from dogctl.config.model import Project

Volumes = Annotated[
    bool, typer.Option("--volumes", help="Delete its data and the database's passwords too.")
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app)(uninstall)


def uninstall(
    session: "Session",
    volumes: Volumes = False,
    backup: BackUp = None,
    lock_wait: LockWait = 20,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> "Answer":
    """Remove a release from its cluster; its data stays, unless asked otherwise."""
    from dogctl.lifecycle.release_steps import Options
    from dogctl.lifecycle.uninstall import answer_uninstall, plan_uninstall

    project, redact = session.project, session.channel.redact
    plan = plan_uninstall(
        project,
        Options(lock_wait=lock_wait),
        volumes=volumes,
        backup=saves(session, project, backup, dry_run or yes),
        remember=redact.add,
        redact=redact,
    )
    return session.perform(
        plan,
        lambda results: answer_uninstall(project, plan, results),
        dry_run=dry_run,
        yes=yes,
        confirm=confirm,
    )


def saves(session: "Session", project: "Project", given: bool | None, unasked: bool) -> bool:
    """Whether the database is saved first: as the setting `backup` says, or as the user does."""
    from dogctl.config.model import Backup
    from dogctl.lifecycle.uninstall import own_database

    wish = project.settings.backup
    if wish is Backup.REQUIRED or given is not None:
        return wish is Backup.REQUIRED or bool(given)
    if wish is Backup.NEVER or not own_database(project, session.channel.redact.add):
        return False
    if not unasked and session.channel.offer("Save its database first?"):
        return True
    session.channel.note("Its database is not saved first; --backup does that.")
    return False
