"""Commands for the app on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

Port = Annotated[
    int | None,
    typer.Option("--port", "-p", min=1, max=65535, help="Port on 127.0.0.1.", show_default="5000"),
]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine", help="What runs the app: auto, compose or process.", show_default="auto"
    ),
]
Volumes = Annotated[bool, typer.Option("--volumes", help="Delete the local database too.")]


def register(app: typer.Typer) -> None:
    """Add these commands, in the order in which the help shows them."""
    for function in (up, down):
        command(app)(function)


def up(
    session: "Session",
    port: Port = None,
    engine: EngineName = None,
    dry_run: DryRun = False,
) -> "Answer":
    """Run the app here and wait until its page answers. Again: nothing to do."""
    from dogctl.lifecycle.engines import choose
    from dogctl.lifecycle.up import answer_up, plan_up

    project = session.load(port=port, engine=engine)
    choice = choose(project)
    plan = plan_up(project, choice)
    return session.perform(
        plan, lambda results: answer_up(project, choice, results), dry_run=dry_run
    )


def down(
    session: "Session", volumes: Volumes = False, dry_run: DryRun = False, yes: Yes = False
) -> "Answer":
    """Stop the app here; with --volumes delete its data too."""
    from dogctl.lifecycle.down import answer_down, plan_down

    project = session.project
    plan = plan_down(project, volumes=volumes)
    return session.perform(
        plan, lambda results: answer_down(project, plan, results), dry_run=dry_run, yes=yes
    )
