"""Commands about the project and this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

ListAll = Annotated[bool, typer.Option("--list", help="Every setting there is, with its meaning.")]


def register(app: typer.Typer) -> None:
    """Add these commands, in the order in which the help shows them."""
    for function in (config, doctor):
        command(app)(function)


def config(session: "Session", list_all: ListAll = False) -> "Answer":
    """Show every setting, its value and where that came from."""
    from dogctl.lifecycle.config import list_settings, show_config

    return list_settings() if list_all else show_config(session.project)


def doctor(_: "Session") -> "Answer":
    """Show what is installed, what is missing for which work, and how to get it."""
    from dogctl.lifecycle.doctor import doctor as look

    return look()
