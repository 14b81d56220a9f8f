"""Commands about the image."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

Platforms = Annotated[
    str | None,
    typer.Option("--platform", help="Platforms, with commas between.", show_default="the engine's"),
]
BuildArgs = Annotated[
    list[str] | None,
    typer.Option("--build-arg", metavar="NAME=VALUE", help="A build argument; no secret."),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Run every step again.")]
Pull = Annotated[bool, typer.Option("--pull", help="Look for newer base images.")]
Force = Annotated[bool, typer.Option("--force", help="Build even if nothing has changed.")]


def register(app: typer.Typer) -> None:
    """Add these commands, in the order in which the help shows them."""
    command(app)(build)


def build(
    session: "Session",
    platform: Platforms = None,
    build_arg: BuildArgs = None,
    no_cache: NoCache = False,
    pull: Pull = False,
    force: Force = False,
    dry_run: DryRun = False,
) -> "Answer":
    """Build the image of what is checked out. Again: nothing to do."""
    from dogctl.lifecycle.build import How, answer_build, plan_build

    project = session.load(platforms=platform, build_args=build_arg or None)
    plan = plan_build(project, How(force=force, use_cache=not no_cache, pull=pull))
    return session.perform(plan, lambda results: answer_build(project, results), dry_run=dry_run)
