"""`dogctl cleanup`: what nobody needs any more."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session
    from dogctl.config.model import Project
    from dogctl.lifecycle.cleanup.retention import Policy


class What(StrEnum):
    """What is cleaned up."""

    ALL = "all"
    IMAGES = "images"
    CHARTS = "charts"
    LOCAL = "local"


Kind = Annotated[
    What, typer.Argument(metavar="[all|images|charts|local]", help="What is cleaned up.")
]
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
    typer.Option("--only", metavar="REGEX", help="Only what has no other tags, any number."),
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


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app)(cleanup)


def cleanup(
    session: "Session",
    what: Kind = What.ALL,
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
    """Delete what is old from its registry, and never what is in use anywhere.

    `local`: what dead runs have left on this machine and, with a limit, old images made here.
    """
    from dogctl.lifecycle.cleanup import plan_file
    from dogctl.lifecycle.cleanup.answers import (
        answer_cleanup,
        answer_looking,
        left_changed,
        shown,
    )
    from dogctl.lifecycle.cleanup.cleanup import cleanup_of, write_plan
    from dogctl.lifecycle.cleanup.guards import Guard
    from dogctl.lifecycle.cleanup.policies import Words

    flags = {
        Guard.NOTHING_IN_USE: allow_nothing_in_use,
        Guard.MOST: allow_most,
        Guard.GAPS: allow_gaps,
    }
    words = Words(policy, keep, older_than, group, protect or (), only or ())
    if what is What.LOCAL:
        _require_plain(plan_out or plan or any(flags.values()))
        return _local(
            session,
            words.read() if words.any else None,
            dry_run,
            yes,
        )
    if plan and not words.any:
        words = plan_file.policy(plan)
    made = cleanup_of(
        session.project,
        every_environment(session),
        words.read(),
        frozenset(guard for guard, given in flags.items() if given),
        None if what is What.ALL else str(what),
        plan,
        session.channel.redact.add,
    )
    looked = made.looked(session.look(made.looking()))
    if plan_out:
        write_plan(plan_out, words, made.parts, looked)
    if dry_run or plan_out:
        return answer_looking(made, looked)
    deleting = made.deleting(looked)
    session.channel.show(shown(made, looked))
    return session.perform(
        deleting,
        partial(answer_cleanup, made, looked),
        yes=yes,
        left=partial(left_changed, made, looked),
    )


def every_environment(session: "Session") -> list["Project"]:
    """The project in each environment that it declares. Raises ConfigError."""
    from dataclasses import replace

    from dogctl.config.load import load
    from dogctl.lifecycle.cleanup.places import require_own_places

    names = session.project.environments
    found = [replace(session, environment=name).load() for name in names]
    in_file = (load(folder=session.folder, environment=name, environ={}) for name in names)
    require_own_places(zip(found, in_file, strict=True))
    return found


def _local(session: "Session", policy: "Policy | None", dry_run: bool, yes: bool) -> "Answer":
    from dogctl.lifecycle.cleanup.local import LocalCleanup
    from dogctl.lifecycle.cleanup.local_answers import (
        answer_local,
        answer_local_looking,
        shown_local,
    )

    made = LocalCleanup(session.project, policy)
    found = made.found(session.look(made.looking()))
    if dry_run:
        return answer_local_looking(found)
    session.channel.show(shown_local(found))
    return session.perform(made.deleting(found), partial(answer_local, found), yes=yes)


def _require_plain(other: object) -> None:
    from dogctl.errors import ConfigError

    if other:
        raise ConfigError(
            "plans and --allow flags are for registries, not for this machine",
            code="usage",
            where="local",
            hint="dogctl cleanup local --dry-run shows what would go",
        )
