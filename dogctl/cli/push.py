"""`dogctl push`: the image in its registry."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

Image = Annotated[
    str | None,
    typer.Option("--image", metavar="REF", help="Local image, if not the one that build made."),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="A further tag, any number.")
]
Candidate = Annotated[
    bool, typer.Option("--candidate", help="Push under the commit's tag only, for --promote later.")
]
Promote = Annotated[
    bool, typer.Option("--promote", help="Tag the candidate in the registry; push nothing.")
]

Force = Annotated[
    bool, typer.Option("--force", help="Replace the image of a version that is released already.")
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app)(push)


def push(
    session: "Session",
    image: Image = None,
    tag: Tags = None,
    candidate: Candidate = False,
    promote: Promote = False,
    force: Force = False,
    dry_run: DryRun = False,
) -> "Answer":
    """Push the image to its registry and tag it there. Again: nothing to do."""
    from dogctl.lifecycle.push import answer_push, plan_push, which_part

    plan = plan_push(
        session.project,
        which_part(image, tag, candidate=candidate, promote=promote, force=force),
        image=image,
        tags=tag or (),
        force=force,
        remember=session.channel.redact.add,
    )
    return session.perform(plan, answer_push, dry_run=dry_run)
