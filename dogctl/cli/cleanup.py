"""`dogctl cleanup`: what nobody needs any more."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command, help_without_command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session
    from dogctl.config.model import Project

app = typer.Typer(
    name="cleanup", help="Delete what nobody needs any more.", invoke_without_command=True
)
app.callback()(help_without_command)

Keep = Annotated[
    int | None, typer.Option("--keep", metavar="N", help="Keep the newest N of each group.")
]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only what is older, as 30d.")
]
Named = Annotated[
    str | None,
    typer.Option(
        "--policy", metavar="NAME", help="older-than-a-month, or keep-latest with --keep."
    ),
]
Group = Annotated[
    str | None, typer.Option("--group", metavar="REGEX", help="Which part of a tag is its group.")
]
Protect = Annotated[
    list[str] | None,
    typer.Option("--protect", metavar="REGEX", help="Tags that stay, any number."),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="REGEX", help="Only images with no other tags, any number."),
]
PlanOut = Annotated[
    Path | None, typer.Option("--plan-out", metavar="FILE", help="Only plan it, into this file.")
]
Given = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Delete nothing but what is in it.")
]
NothingInUse = Annotated[
    bool, typer.Option("--allow-nothing-in-use", help="Although nothing is in use anywhere.")
]
Most = Annotated[bool, typer.Option("--allow-most", help="Although more than half would go.")]
Gaps = Annotated[bool, typer.Option("--allow-gaps", help="Although not all may have been found.")]


@command(app)
def images(
    session: "Session",
    keep: Keep = None,
    older_than: OlderThan = None,
    policy: Named = None,
    group: Group = None,
    protect: Protect = None,
    only: Only = None,
    plan_out: PlanOut = None,
    plan: Given = None,
    allow_nothing_in_use: NothingInUse = False,
    allow_most: Most = False,
    allow_gaps: Gaps = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> "Answer":
    """Delete old images from their registry, and never one that is in use anywhere."""
    from dogctl.lifecycle.cleanup import plan_file
    from dogctl.lifecycle.cleanup.answers import answer_cleanup, answer_looking, shown
    from dogctl.lifecycle.cleanup.guards import Guard
    from dogctl.lifecycle.cleanup.images import DECIDE, Cleanup
    from dogctl.lifecycle.cleanup.policies import read_policy

    flags = {
        Guard.NOTHING_IN_USE: allow_nothing_in_use,
        Guard.MOST: allow_most,
        Guard.GAPS: allow_gaps,
    }
    cleanup = Cleanup(
        session.project,
        _environments(session),
        read_policy(policy, keep, older_than, group, protect or (), only or ()),
        frozenset(guard for guard, given in flags.items() if given),
        plan,
        session.channel.redact.add,
    )
    found = session.look(cleanup.looking())[DECIDE]
    if plan_out:
        plan_file.write(plan_out, cleanup.repository, found.decided)
    if dry_run or plan_out:
        return answer_looking(cleanup.repository, found)
    deleting = cleanup.deleting(found)
    session.channel.show(shown(found))
    return session.perform(
        deleting, lambda results: answer_cleanup(cleanup.repository, found, results), yes=yes
    )


def _environments(session: "Session") -> list["Project"]:
    """The project in each environment that it declares. Raises ConfigError."""
    from dataclasses import replace

    from dogctl.config.load import load
    from dogctl.lifecycle.cleanup.places import require_own_places

    names = session.project.environments
    found = [replace(session, environment=name).load() for name in names]
    in_file = (load(folder=session.folder, environment=name, environ={}) for name in names)
    require_own_places(zip(found, in_file, strict=True))
    return found
