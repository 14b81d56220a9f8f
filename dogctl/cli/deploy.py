"""`dogctl deploy`: everything from the source to a verified release."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.cleanup import every_environment
from dogctl.cli.command import DryRun, Yes, command
from dogctl.cli.infra import LockTimeout
from dogctl.cli.release import BackUp, KeepFailed, LockWait, Nodes, Start

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session
    from dogctl.config.hooks import Stage
    from dogctl.config.model import Project
    from dogctl.lifecycle.deploy.promote import Promoted
    from dogctl.lifecycle.deploy.wish import Approved, Wish

Skip = Annotated[
    list[str] | None, typer.Option("--skip", metavar="STEP", help="Leave a step out, any number.")
]
FromEnv = Annotated[
    str | None,
    typer.Option("--from-env", metavar="NAME", help="Ship the very image that runs there."),
]
AnyRef = Annotated[
    bool, typer.Option("--any-ref", help="Deploy whatever branch or tag is checked out.")
]
PlanOut = Annotated[
    Path | None,
    typer.Option("--plan-out", metavar="FILE", help="Only plan it, for somebody to approve."),
]
Approve = Annotated[
    Path | None, typer.Option("--approve", metavar="FILE", help="Carry out exactly this plan.")
]
Sha256 = Annotated[
    str | None, typer.Option("--sha256", metavar="HASH", help="Hash of the plan to carry out.")
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app)(deploy)


def deploy(
    session: "Session",
    skip: Skip = None,
    from_env: FromEnv = None,
    plan_out: PlanOut = None,
    approve: Approve = None,
    sha256: Sha256 = None,
    any_ref: AnyRef = False,
    start: Start = False,
    nodes: Nodes = None,
    keep_failed: KeepFailed = False,
    lock_wait: LockWait = 20,
    lock_timeout: LockTimeout = 60,
    backup: BackUp = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> "Answer":
    """Build, test, push, provision and release, as far as anything has changed."""
    from dogctl.lifecycle import release as releases
    from dogctl.lifecycle.deploy.answers import answer_deploy, left_changed
    from dogctl.lifecycle.deploy.deploy import plan_deploy
    from dogctl.lifecycle.deploy.planning import answer_planning
    from dogctl.lifecycle.deploy.wish import Wish
    from dogctl.lifecycle.release_steps import Options

    _exclude(plan_out, approve, sha256, from_env, skip)
    approved = _approved(approve, sha256) if approve and sha256 else None
    project = _project(session, skip, approved)
    redact = session.channel.redact
    wish = Wish(
        Options(keep_failed, lock_wait, bool(backup)),
        promoted=_promoted(session, from_env) if from_env else None,
        start=releases.Start(nodes) if start else None,
        any_ref=any_ref,
        plan_out=plan_out,
        approved=approved,
        only_looks=dry_run,
        yes=yes,
        lock_timeout=lock_timeout,
        environments=partial(every_environment, session),
    )
    wish = _with_infra(session, project, wish)
    plan = plan_deploy(project, wish, remember=redact.add, redact=redact)
    if plan_out:
        return session.perform(plan, answer_planning, dry_run=dry_run, yes=yes, left=left_changed)
    return session.perform(
        plan,
        lambda results: answer_deploy(project.environment or "", results),
        dry_run=dry_run,
        yes=yes,
        left=left_changed,
    )


def _exclude(
    plan_out: Path | None,
    approve: Path | None,
    sha256: str | None,
    from_env: str | None,
    skip: list[str] | None,
) -> None:
    """Raise ConfigError where one option excludes or needs another."""
    from dogctl.errors import ConfigError

    wrong = {
        ("--plan-out and --approve exclude each other", "--approve"): plan_out and approve,
        ("--approve needs the hash of what was approved", "--sha256"): approve and not sha256,
        ("--sha256 is that of the plan to carry out", "--approve"): sha256 and not approve,
        ("an approved plan names its image", "--from-env"): approve and from_env,
        ("an approved plan says what is left out", "--skip"): approve and skip,
    }
    for (says, where), applies in wrong.items():
        if applies:
            raise ConfigError(says, code="usage", where=where, hint="dogctl deploy --help")


def _project(session: "Session", skip: list[str] | None, approved: "Approved | None") -> "Project":
    """The project in the environment that is named, or else in the one that this branch goes to.

    What is left out is said by the settings and `skip`, or by what was approved and nothing else.
    """
    from dataclasses import replace

    from dogctl.lifecycle.deploy.refs import choose_environment, current_refs

    more = _stages(skip or [])
    if session.environment is None:
        anywhere = session.project
        taken = {
            name: replace(session, environment=name).load().settings.ships_from
            for name in anywhere.environments
        }
        refs = current_refs(anywhere)
        session.environment = choose_environment(taken, refs)
        # Whatever is to be typed next is about that one, too.
        session.channel.scope += ("--env", session.environment)
    project = session.load()
    left_out = (*project.settings.skip, *more)
    if approved:
        left_out = _stages(approved.plan.skip)
    return replace(project, settings=replace(project.settings, skip=left_out))


def _stages(names: list[str]) -> "tuple[Stage, ...]":
    """The steps of those names. Raises ConfigError."""
    from dogctl.config.hooks import parse_stages
    from dogctl.errors import ConfigError

    try:
        return parse_stages(names)
    except ValueError as error:
        raise ConfigError(
            str(error), code="usage", where="--skip", hint="dogctl deploy --help"
        ) from None


def _with_infra(session: "Session", project: "Project", wish: "Wish") -> "Wish":
    """With what is to be known of the infrastructure before the plan is made.

    On a terminal its changes are shown and asked for now, and not in the middle of the deploy.
    """
    from dataclasses import replace

    from dogctl.config.hooks import Stage
    from dogctl.lifecycle.deploy.infra_stage import keep_data
    from dogctl.lifecycle.infra import InfraOptions, has_infra, plan_only, plan_outputs
    from dogctl.lifecycle.infra.answers import changes_of
    from dogctl.lifecycle.infra.given import wants_outputs
    from dogctl.lifecycle.infra.variables import takes_image

    if not has_infra(project):
        return wish
    redact = session.channel.redact
    if Stage.INFRA in project.settings.skip:
        if not wants_outputs(project):
            return wish
        results = session.look(plan_outputs(project, remember=redact.add, redact=redact))
        return replace(wish, outputs=results["output"])
    asks = not (wish.yes or wish.only_looks or wish.plan_out or wish.approved)
    if not asks or not session.channel.can_ask or takes_image(project):
        return wish
    options = InfraOptions(wish.lock_timeout)
    looked = session.look(plan_only(project, options, remember=redact.add, redact=redact))
    planned = looked["plan"]
    keep_data(planned)
    if planned.has_changes:
        session.channel.show(changes_of(planned))
        session.channel.confirm(f"This changes what {project.environment} runs on: {planned}.")
    return replace(wish, planned=planned)


def _promoted(session: "Session", environment: str) -> "Promoted":
    from dataclasses import replace

    from dogctl.errors import ConfigError
    from dogctl.lifecycle.deploy.promote import running_there

    declared = session.project.environments
    if environment not in declared:
        raise ConfigError(
            f"no environment {environment!r} (declared: {', '.join(declared) or 'none'})",
            code="no-environment",
            where="--from-env",
            hint="dogctl config shows the declared environments",
        )
    source = replace(session, environment=environment).load()
    return running_there(source, session.channel.redact.add)


def _approved(path: Path, sha256: str) -> "Approved":
    from dogctl.lifecycle.deploy.approval import plain_hash, read
    from dogctl.lifecycle.deploy.wish import Approved

    return Approved(read(path, sha256), plain_hash(sha256))
