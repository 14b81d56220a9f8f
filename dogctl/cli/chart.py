"""`dogctl chart`: the app's chart, and the repository that it is published in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import DryRun, command, help_without_command
from dogctl.cli.release import ChartName

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session

app = typer.Typer(
    name="chart", help="The app's chart, and its repository.", invoke_without_command=True
)
app.callback()(help_without_command)

Strict = Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")]
Version = Annotated[
    str | None, typer.Option("--version", metavar="SEMVER", help="The chart's; else that of git.")
]
AppVersion = Annotated[
    str | None,
    typer.Option("--app-version", metavar="VERSION", help="The app's; else that of git."),
]
Sign = Annotated[str | None, typer.Option("--sign", metavar="KEY", help="Sign it with this key.")]
Keyring = Annotated[
    Path, typer.Option("--keyring", metavar="FILE", help="File with the keys, of GnuPG's old kind.")
]
Passphrase = Annotated[
    Path | None, typer.Option("--passphrase-file", metavar="FILE", help="The key's passphrase.")
]
Destination = Annotated[
    Path | None, typer.Option("--destination", "-d", metavar="FOLDER", help="Where it goes.")
]
Repository = Annotated[
    str | None,
    typer.Option("--repository", metavar="URL", help="s3://, gs://, oci://, git+https:// ..."),
]
Archive = Annotated[
    Path | None, typer.Argument(metavar="ARCHIVE", help="Publish this, its .prov too.")
]
Name = Annotated[str | None, typer.Argument(metavar="NAME", help="The versions of one chart.")]
Wanted = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="Else the newest release.")]
KEYRING = Path("~/.gnupg/secring.gpg")


@command(app)
def lint(session: "Session", chart: ChartName = None, strict: Strict = False) -> "Answer":
    """Check the chart with Helm."""
    from dogctl.lifecycle.charts.packing import answer_lint, plan_lint

    return session.perform(plan_lint(session.load(chart=chart), strict=strict), answer_lint)


@command(app)
def package(
    session: "Session",
    chart: ChartName = None,
    version: Version = None,
    app_version: AppVersion = None,
    sign: Sign = None,
    keyring: Keyring = KEYRING,
    passphrase_file: Passphrase = None,
    destination: Destination = None,
    dry_run: DryRun = False,
) -> "Answer":
    """Pack the chart into an archive; the same files make the same archive."""
    from dogctl.lifecycle.charts.packing import answer_package, packing_of, plan_package

    packing = packing_of(version, app_version, sign, keyring, passphrase_file)
    plan = plan_package(session.load(chart=chart), packing, destination)
    return session.perform(plan, answer_package, dry_run=dry_run)


@command(app)
def publish(
    session: "Session",
    archive: Archive = None,
    repository: Repository = None,
    chart: ChartName = None,
    version: Version = None,
    app_version: AppVersion = None,
    sign: Sign = None,
    keyring: Keyring = KEYRING,
    passphrase_file: Passphrase = None,
    dry_run: DryRun = False,
) -> "Answer":
    """Publish the chart, or an archive, in its repository. Again: nothing to do."""
    from dogctl.lifecycle.charts.packing import packing_of
    from dogctl.lifecycle.charts.publish import answer_publish, plan_publish

    project = session.load(chart=chart, chart_repository=repository)
    packing = packing_of(version, app_version, sign, keyring, passphrase_file)
    plan = plan_publish(project, packing, archive, remember=session.channel.redact.add)
    return session.perform(plan, answer_publish, dry_run=dry_run)


@command(app, "list")
def list_(session: "Session", name: Name = None, repository: Repository = None) -> "Answer":
    """Show the versions in the repository."""
    from dogctl.lifecycle.charts.listing import answer_list, plan_list

    project = session.load(chart_repository=repository)
    return session.perform(
        plan_list(project, name, remember=session.channel.redact.add), answer_list
    )


@command(app)
def pull(
    session: "Session",
    wanted: Wanted,
    repository: Repository = None,
    destination: Destination = None,
    dry_run: DryRun = False,
) -> "Answer":
    """Get an archive from the repository, checked against its digest."""
    from dogctl.lifecycle.charts.listing import answer_pull, plan_pull

    project = session.load(chart_repository=repository)
    plan = plan_pull(project, wanted, destination or Path(), remember=session.channel.redact.add)
    return session.perform(plan, answer_pull, dry_run=dry_run)
