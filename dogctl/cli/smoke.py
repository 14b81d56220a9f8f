"""`dogctl smoke`: the image, tried out."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

Image = Annotated[
    str | None,
    typer.Argument(metavar="[IMAGE]", help="Which image.", show_default="what dogctl build made"),
]
Again = Annotated[
    bool, typer.Option("--again", "--force", help="Test what has passed before, too.")
]
Keep = Annotated[bool, typer.Option("--keep", help="Leave the stack up to look at.")]
Clean = Annotated[bool, typer.Option("--clean", help="Only remove stacks that were kept or left.")]


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app)(smoke)


def smoke(
    session: "Session",
    image: Image = None,
    again: Again = False,
    keep: Keep = False,
    clean: Clean = False,
    dry_run: DryRun = False,
) -> "Answer":
    """Test the image in a stack of its own with a real database. Passed before: nothing to do."""
    from dogctl.lifecycle import smoke as verb

    if clean:
        plan = verb.plan_clean(session.project)
        return session.perform(plan, verb.answer_clean, dry_run=dry_run)
    plan = verb.plan_smoke(
        session.project, image, again=again, keep=keep, remember=session.channel.redact.add
    )
    return session.perform(plan, verb.answer_smoke, dry_run=dry_run)
