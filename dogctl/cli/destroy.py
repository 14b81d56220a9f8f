"""`dogctl destroy`: the end of an environment."""

from typing import TYPE_CHECKING

import typer

from dogctl.cli.command import DryRun, Yes, command
from dogctl.cli.infra import LockTimeout, infra_of
from dogctl.cli.release import BackUp, Confirm, LockWait
from dogctl.cli.uninstall import saves

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app)(destroy)


def destroy(
    session: "Session",
    backup: BackUp = None,
    lock_wait: LockWait = 20,
    lock_timeout: LockTimeout = 60,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> "Answer":
    """Remove an environment: its release, its data, and what it runs on."""
    from dogctl.answer import Changes
    from dogctl.lifecycle.destroy import End
    from dogctl.lifecycle.infra import looking
    from dogctl.lifecycle.release_steps import Options

    infra = infra_of(session, lock_timeout, destroy=True)
    end = End(
        infra,
        Options(lock_wait=lock_wait),
        lambda: saves(session, infra.project, backup, dry_run or yes),
    )
    if dry_run:
        return session.preview(end.plan())
    end.known = session.look(looking(infra))["plan"]
    if lines := (*end.lines(), *end.known.lines()):
        session.channel.show([Changes(lines)])
    return session.perform(end.plan(), end.answer, yes=yes, confirm=confirm)
