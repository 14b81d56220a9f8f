"""Commands for the app in a cluster."""

from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session
    from dogctl.config.model import Project
    from dogctl.lifecycle.bundle import Bundle

Image = Annotated[
    str | None,
    typer.Option(
        "--image", metavar="REF", help="Image, or :TAG of the project's; else what is checked out."
    ),
]
ChartName = Annotated[
    str | None,
    typer.Option("--chart", metavar="CHART", help="Folder, archive or REPOSITORY/NAME@VERSION."),
]
ValuesFiles = Annotated[
    list[str] | None,
    typer.Option("--values", metavar="FILE", help="File with values, any number; the last wins."),
]
Start = Annotated[
    bool, typer.Option("--start", help="Start minikube or kind first, if it does not run.")
]
Nodes = Annotated[
    int | None,
    typer.Option("--nodes", min=1, help="How many nodes a cluster made by --start gets."),
]
Revision = Annotated[
    str | None,
    typer.Argument(metavar="REVISION|VERSION", help="Which; else the last that worked."),
]
KeepFailed = Annotated[
    bool, typer.Option("--keep-failed", help="Leave a failed release as it is, to look at it.")
]
LockWait = Annotated[
    float,
    typer.Option("--lock-wait", min=0, metavar="SECONDS", help="How long to wait for another run."),
]
BackUp = Annotated[
    bool | None,
    typer.Option(
        "--backup/--no-backup",
        help="Save the database first, if it is touched.",
        show_default="asks",
    ),
]
Confirm = Annotated[
    str | None,
    typer.Option("--confirm", metavar="NAME", help="With --yes, where a name has to be typed."),
]


def register(app: typer.Typer) -> None:
    """Add these commands, in the order in which the help shows them."""
    command(app)(release)
    command(app)(rollback)


def release(
    session: "Session",
    image: Image = None,
    chart: ChartName = None,
    values: ValuesFiles = None,
    start: Start = False,
    nodes: Nodes = None,
    keep_failed: KeepFailed = False,
    lock_wait: LockWait = 20,
    backup: BackUp = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> "Answer":
    """Release the image to an environment's cluster with Helm. Again: nothing to do."""
    from dataclasses import replace
    from functools import partial

    from dogctl.config.model import Backup
    from dogctl.errors import ConfigError
    from dogctl.lifecycle import release as releases
    from dogctl.lifecycle.release_backup import is_offered
    from dogctl.lifecycle.release_steps import Options

    project = session.load(chart=chart, values=values or None)
    redact = session.channel.redact
    options = Options(keep_failed, lock_wait, bool(backup))
    if nodes and not start:
        raise ConfigError(
            "--nodes is for a cluster that --start makes",
            code="usage",
            where="--nodes",
            hint="add --start",
        )
    project, bundle = _with_outputs(session, project)
    plan_with = partial(
        releases.plan_release,
        project,
        image,
        bundle=bundle,
        start=releases.Start(nodes) if start else None,
        remember=redact.add,
        redact=redact,
    )
    plan = plan_with(options)
    asks = backup is None and project.settings.backup is Backup.OFFERED
    if asks and not (dry_run or yes) and session.channel.can_ask and is_offered(plan):
        saves = session.channel.offer("The database's image changes. Save the database first?")
        plan = plan_with(replace(options, backup=saves))
    return session.perform(
        plan,
        lambda results: releases.answer_release(project.environment or "", results),
        dry_run=dry_run,
        yes=yes,
    )


def _with_outputs(session: "Session", project: "Project") -> "tuple[Project, Bundle]":
    """With what the release takes of the infrastructure, if it takes anything."""
    from dogctl.lifecycle.bundle import ALONE, Bundle
    from dogctl.lifecycle.infra import has_infra, plan_outputs
    from dogctl.lifecycle.infra.given import given_by, wants_outputs

    if not (has_infra(project) and wants_outputs(project)):
        return project, ALONE
    redact = session.channel.redact
    outputs = session.look(plan_outputs(project, remember=redact.add, redact=redact))["output"]
    given = given_by(project, outputs)
    return given.project, Bundle(values=given.values, outputs=outputs.values)


def rollback(
    session: "Session",
    revision: Revision = None,
    keep_failed: KeepFailed = False,
    lock_wait: LockWait = 20,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> "Answer":
    """Take a release back to an earlier revision, or to the last that worked."""
    from dogctl.lifecycle.release_steps import Options
    from dogctl.lifecycle.rollback import answer_rollback, plan_rollback

    project = session.project
    redact = session.channel.redact
    options = Options(keep_failed, lock_wait)
    plan = plan_rollback(project, revision, options, remember=redact.add, redact=redact)
    return session.perform(
        plan,
        lambda results: answer_rollback(project.environment or "", results),
        dry_run=dry_run,
        yes=yes,
    )
