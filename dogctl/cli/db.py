"""`dogctl db`: the database that a release runs itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command, help_without_command
from dogctl.cli.release import Confirm, LockWait

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

app = typer.Typer(
    name="db", help="The database of the app in a cluster.", invoke_without_command=True
)
app.callback()(help_without_command)

NewFile = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="Where to; else a new one in .dogctl/backups."),
]
DumpFile = Annotated[Path, typer.Argument(metavar="FILE", help="What dogctl db backup made.")]


@command(app)
def backup(session: "Session", file: NewFile = None, dry_run: DryRun = False) -> "Answer":
    """Save the database to a file, while it goes on working."""
    from dogctl.lifecycle.backup import answer_backup, plan_backup

    project = session.project
    plan = plan_backup(project, file, remember=session.channel.redact.add)
    return session.perform(
        plan, lambda results: answer_backup(project.environment or "", results), dry_run=dry_run
    )


@command(app)
def restore(
    session: "Session",
    file: DumpFile,
    lock_wait: LockWait = 20,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> "Answer":
    """Put a file's data in the place of the database's. The app is stopped meanwhile."""
    from dogctl.lifecycle.release_steps import Options
    from dogctl.lifecycle.restore import answer_restore, plan_restore

    project, redact = session.project, session.channel.redact
    options = Options(lock_wait=lock_wait)
    plan = plan_restore(project, file, options, remember=redact.add, redact=redact)
    return session.perform(
        plan,
        lambda results: answer_restore(project.environment or "", results),
        dry_run=dry_run,
        yes=yes,
        confirm=confirm,
    )
