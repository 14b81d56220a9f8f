"""The tree of commands.

Shell completion imports this and nothing else of dogctl, so every command imports what it needs
when it runs.
"""

from typing import Annotated

import typer

from dogctl.cli import (
    build,
    chart,
    cleanup,
    db,
    deploy,
    destroy,
    gifs,
    infra,
    local,
    project,
    push,
    release,
    running,
    secrets,
    smoke,
    uninstall,
)
from dogctl.cli.command import help_without_command

app = typer.Typer(
    name="dogctl",
    help="The whole life of a containerised Flask web app, from the first page to the last image.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    # Rich help would import a Markdown renderer and a syntax highlighter for every --help.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from dogctl.output.version import print_version

        print_version()
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    _: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    help_without_command(context)


local.register(app)
running.register(app)
build.register(app)
smoke.register(app)
push.register(app)
release.register(app)
deploy.register(app)
uninstall.register(app)
destroy.register(app)
cleanup.register(app)
project.register(app)
app.add_typer(infra.app)
app.add_typer(chart.app)
app.add_typer(secrets.app)
app.add_typer(db.app)
app.add_typer(gifs.app)
