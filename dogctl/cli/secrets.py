"""`dogctl secrets`: the secrets of the app in a cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command, help_without_command
from dogctl.cli.release import LockWait

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session
    from dogctl.secrets import Secret

app = typer.Typer(
    name="secrets", help="The secrets of the app in a cluster.", invoke_without_command=True
)
app.callback()(help_without_command)

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...", help="Variables; their values are asked, or read from stdin."
    ),
]
SomeNames = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Variables to give new values.")
]
FromEnv = Annotated[
    bool, typer.Option("--from-env", help="Take the values from variables of the same names.")
]
FromFile = Annotated[
    Path | None,
    typer.Option("--from-file", metavar="FILE", help="Take the value from a file, as it is."),
]
All = Annotated[bool, typer.Option("--all", help="All that dogctl or the chart made at random.")]
OlderThan = Annotated[
    str | None,
    typer.Option("--older-than", metavar="TIME", help="Only what is older, such as 90d or 12h."),
]


@command(app, "set")
def set_values(
    session: "Session",
    names: Names,
    from_env: FromEnv = False,
    from_file: FromFile = None,
    lock_wait: LockWait = 20,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> "Answer":
    """Give variables new values, never from the command line, and roll the pods."""
    from dogctl.lifecycle.release_steps import Options
    from dogctl.lifecycle.secrets import answer_set, plan_set

    project = session.project
    values = _values(session, names, from_env, from_file)
    redact = session.channel.redact
    redact.add(*values.values())
    plan = plan_set(
        project, values, Options(lock_wait=lock_wait), remember=redact.add, redact=redact
    )
    return session.perform(
        plan,
        lambda results: answer_set(project.environment or "", results),
        dry_run=dry_run,
        yes=yes,
    )


@command(app, "list")
def list_all(session: "Session") -> "Answer":
    """Show the names, their age and who changed them; never a value."""
    from dogctl.lifecycle.secrets import list_secrets

    return list_secrets(session.project, remember=session.channel.redact.add)


@command(app)
def rotate(
    session: "Session",
    names: SomeNames = None,
    everything: All = False,
    older_than: OlderThan = None,
    lock_wait: LockWait = 20,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> "Answer":
    """Give variables new random values, and roll the pods."""
    from dogctl.errors import ConfigError
    from dogctl.lifecycle.release_steps import Options
    from dogctl.lifecycle.secrets import Which, answer_rotate, parse_age, plan_rotate

    if not (names or everything or older_than):
        raise ConfigError(
            "which ones?",
            code="usage",
            hint="dogctl secrets rotate --all, or NAME..., or --older-than 90d",
        )
    which = Which(tuple(dict.fromkeys(names or ())), parse_age(older_than) if older_than else None)
    project, redact = session.project, session.channel.redact
    plan = plan_rotate(
        project, which, Options(lock_wait=lock_wait), remember=redact.add, redact=redact
    )
    return session.perform(
        plan,
        lambda results: answer_rotate(project.environment or "", which, results),
        dry_run=dry_run,
        yes=yes,
    )


def _values(
    session: "Session", names: list[str], from_env: bool, from_file: Path | None
) -> dict[str, "Secret"]:
    """What the variables are to be, by name. Raises ConfigError."""
    from dogctl.lifecycle import secret_values

    bare = secret_values.names(names)
    if from_env:
        return secret_values.from_environment(bare)
    if from_file:
        return secret_values.from_file(bare, from_file)
    return secret_values.from_stream(bare, session.channel.ask_secret)
