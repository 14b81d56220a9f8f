"""`dogctl gifs`: the pictures of the app."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command, help_without_command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

app = typer.Typer(name="gifs", help="The pictures the app shows.", invoke_without_command=True)
app.callback()(help_without_command)

Source = Annotated[str, typer.Argument(metavar="FILE|URL", help="The picture.")]
Name = Annotated[str | None, typer.Option("--name", help="What to call it.")]
PictureId = Annotated[str, typer.Argument(metavar="ID", help="As dogctl gifs list shows it.")]


@command(app)
def add(session: "Session", source: Source, name: Name = None, dry_run: DryRun = False) -> "Answer":
    """Add a picture: GIF, PNG, JPEG or WebP."""
    from dogctl.lifecycle.gifs import answer_add, plan_add
    from dogctl.secrets import Secret, url_secrets

    session.channel.redact.add(*map(Secret, url_secrets(source)))
    return session.perform(plan_add(session.project, source, name), answer_add, dry_run=dry_run)


@command(app, "list")
def list_all(session: "Session") -> "Answer":
    """Show every picture."""
    from dogctl.lifecycle import gifs

    return gifs.list_all(session.project)


@command(app)
def remove(
    session: "Session", picture: PictureId, dry_run: DryRun = False, yes: Yes = False
) -> "Answer":
    """Remove a picture."""
    from dogctl.lifecycle.gifs import answer_remove, plan_remove

    plan = plan_remove(session.project, picture)
    return session.perform(
        plan, lambda results: answer_remove(picture, results), dry_run=dry_run, yes=yes
    )
