"""Registers a function as a command and adds the options that every command has."""

from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dogctl.answer import Answer


def _complete_environment(incomplete: str) -> list[str]:
    from dogctl.config.load import environments

    try:
        return [name for name in environments() if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001  (the shell is no place for errors; the command will tell)
        return []


Env = Annotated[
    str | None,
    typer.Option(
        "--env", "-e", help="Environment, as declared.", autocompletion=_complete_environment
    ),
]
Folder = Annotated[
    Path | None, typer.Option("--project", help="Folder of the project, if not this one.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on stdout.")]
Events = Annotated[bool, typer.Option("--events", help="Tell progress as NDJSON on stderr.")]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

_SHARED: dict[str, Any] = {"environment": Env, "folder": Folder, "json": Json, "events": Events}


def command(app: typer.Typer, name: str | None = None) -> Callable[..., Any]:
    """A command of `app`; the function takes a Session first and answers with an Answer."""

    def register(function: Callable[..., "Answer"]) -> Callable[..., "Answer"]:
        _, *own = signature(function).parameters.values()

        def run(context: typer.Context, **values: Any) -> "Answer":
            from dogctl.cli.session import Session

            shared = {key: values.pop(key) for key in _SHARED}
            channel = context.obj
            channel.json, channel.events = shared["json"], shared["events"]
            named = (("--project", shared["folder"]), ("--env", shared["environment"]))
            channel.scope = tuple(str(word) for pair in named if pair[1] for word in pair)
            session = Session(channel, shared["folder"], shared["environment"])
            return function(session, **values)

        parameters = [
            Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context),
            *(p.replace(kind=Parameter.KEYWORD_ONLY) for p in own),
            *(
                Parameter(
                    key,
                    Parameter.KEYWORD_ONLY,
                    annotation=kind,
                    default=False if key in ("json", "events") else None,
                )
                for key, kind in _SHARED.items()
            ),
        ]
        run.__signature__ = signature(run).replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__doc__ = function.__doc__
        app.command(name or function.__name__)(run)
        return function

    return register


def help_without_command(context: typer.Context) -> None:
    """Show the help of a group that was called alone."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
