"""`dogctl deploy`: everything from the source to a verified release."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command
from dogctl.cli.release import BackUp, KeepFailed, LockWait, Nodes, Start

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

Skip = Annotated[
    list[str] | None, typer.Option("--skip", metavar="STEP", help="Leave a step out, any number.")
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="REF", help="An image that is there; nothing is built then."),
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app)(deploy)


def deploy(
    session: "Session",
    image: Image = None,
    skip: Skip = None,
    start: Start = False,
    nodes: Nodes = None,
    keep_failed: KeepFailed = False,
    lock_wait: LockWait = 20,
    backup: BackUp = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> "Answer":
    """Build, test, push, provision and release, as far as anything has changed."""
    from dogctl.lifecycle import release as releases
    from dogctl.lifecycle.deploy.deploy import Wish, answer_deploy, plan_deploy
    from dogctl.lifecycle.release_image import given_image
    from dogctl.lifecycle.release_steps import Options

    project = session.load(skip=skip or None)
    redact = session.channel.redact
    wish = Wish(
        Options(keep_failed, lock_wait, bool(backup)),
        given_image(project, image) if image else None,
        releases.Start(nodes) if start else None,
    )
    plan = plan_deploy(project, wish, remember=redact.add, redact=redact)
    return session.perform(
        plan,
        lambda results: answer_deploy(project.environment or "", results),
        dry_run=dry_run,
        yes=yes,
    )
