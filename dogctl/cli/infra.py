"""`dogctl infra`: what an environment runs on, by Terraform."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, Yes, command, help_without_command
from dogctl.cli.release import Confirm

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session
    from dogctl.lifecycle.infra.infra import Infra
    from dogctl.plan import Results

app = typer.Typer(
    name="infra", help="What an environment runs on, by Terraform.", invoke_without_command=True
)
app.callback()(help_without_command)

LockTimeout = Annotated[
    float,
    typer.Option(
        "--lock-timeout", min=0, metavar="SECONDS", help="How long to wait for another run."
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Save the plan there; it has secrets.")
]
Detailed = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit with 10 if anything would change.")
]
SavedPlan = Annotated[
    Path | None,
    typer.Argument(metavar="PLAN", help="Apply exactly this, as infra plan saved it."),
]
Output = Annotated[str | None, typer.Argument(metavar="NAME", help="One of them, as it is.")]


@command(app)
def bootstrap(session: "Session", dry_run: DryRun = False) -> "Answer":
    """Make the place for Terraform's state: a private bucket, and a table; again: nothing to do."""
    from dogctl.lifecycle.infra.bootstrap import answer_bootstrap, plan_bootstrap

    project = session.project
    steps = plan_bootstrap(project)
    return session.perform(
        steps, lambda results: answer_bootstrap(project, steps, results), dry_run=dry_run
    )


@command(app)
def plan(
    session: "Session",
    out: Out = None,
    detailed_exitcode: Detailed = False,
    lock_timeout: LockTimeout = 60,
) -> "Answer":
    """Show what Terraform would change, and save that plan; nothing is changed."""
    from dogctl.lifecycle.infra import looking
    from dogctl.lifecycle.infra.answers import answer_plan
    from dogctl.lifecycle.infra.stored import save_plan

    infra = infra_of(session, lock_timeout)

    def answer(results: "Results") -> "Answer":
        file = save_plan(infra.place, results["plan"].file, out)
        return answer_plan(
            infra.place.environment, results["plan"], file, detailed=detailed_exitcode
        )

    return session.perform(looking(infra), answer)


@command(app)
def apply(
    session: "Session",
    plan: SavedPlan = None,
    lock_timeout: LockTimeout = 60,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> "Answer":
    """Let the infrastructure be as it is described; again: nothing to do."""
    from dogctl.lifecycle.infra import applying, approved, looking
    from dogctl.lifecycle.infra.answers import answer_apply, changes_of

    infra = infra_of(session, lock_timeout)
    given = None if plan is None else plan.absolute
    if dry_run:
        return session.preview(applying(infra, given))
    planned = session.look(looking(infra, given))["plan"]
    session.channel.show(changes_of(planned))
    return session.perform(
        approved(infra, planned, saved=plan is not None),
        lambda results: answer_apply(infra.place.environment, planned, results["apply"]),
        yes=yes,
        confirm=confirm,
    )


@command(app)
def output(session: "Session", name: Output = None, lock_timeout: LockTimeout = 60) -> "Answer":
    """Show what the infrastructure gives: addresses, names; secrets are masked."""
    from dogctl.lifecycle.infra.answers import answer_output
    from dogctl.lifecycle.infra.output import plan_output

    infra = infra_of(session, lock_timeout)
    return session.perform(
        plan_output(infra),
        lambda results: answer_output(infra.place.environment, results["output"], name),
    )


@command(app)
def destroy(
    session: "Session",
    lock_timeout: LockTimeout = 60,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> "Answer":
    """Destroy all of it, and prove that nothing is left; what is protected is refused first."""
    from dogctl.lifecycle.infra import looking
    from dogctl.lifecycle.infra.answers import changes_of
    from dogctl.lifecycle.infra.destroy import answer_destroy, plan_destroy

    infra = infra_of(session, lock_timeout, destroy=True)
    if dry_run:
        return session.preview(plan_destroy(infra))
    planned = session.look(looking(infra))["plan"]
    session.channel.show(changes_of(planned))
    return session.perform(
        plan_destroy(infra, planned),
        lambda _: answer_destroy(infra.place.environment, planned),
        yes=yes,
        confirm=confirm,
    )


def infra_of(session: "Session", lock_timeout: float, *, destroy: bool = False) -> "Infra":
    """The infrastructure of the session's environment. Raises ConfigError."""
    from dogctl.lifecycle.infra.infra import Infra, InfraOptions

    redact = session.channel.redact
    return Infra(session.project, InfraOptions(lock_timeout), redact.add, redact, destroy=destroy)
