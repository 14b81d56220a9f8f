"""Commands about what runs: on this machine, or with --env in the environment's cluster."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from dogctl.cli.command import Yes, command

if TYPE_CHECKING:
    from dogctl.answer import Answer
    from dogctl.cli.session import Session
    from dogctl.errors import ConfigError
    from dogctl.lifecycle.cluster import Cluster

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Go on with every change, until ^C.")]
Service = Annotated[
    str | None, typer.Option("--service", "-s", help="Another service, or component, than the app.")
]
Container = Annotated[
    str | None, typer.Option("--container", "-c", help="One container of a pod; any may be named.")
]
Pod = Annotated[str | None, typer.Option("--pod", help="Which pod, if not any that is ready.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with every new line.")]
Lines = Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines from the end.")]
Previous = Annotated[
    bool, typer.Option("--previous", help="What containers said before their last restart.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Not older than 90s, 5m or 1h30m.")
]
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- CMD...]", help="What is run.", show_default="a shell"),
]


def register(app: typer.Typer) -> None:
    """Add these commands, in the order in which the help shows them."""
    for function in (status, history, open_, logs, exec_):
        command(app, function.__name__.rstrip("_"))(function)


def status(session: "Session", watch: Watch = False) -> "Answer | int":
    """Show what runs."""
    from dogctl.lifecycle.cluster import has_cluster

    if not has_cluster(session.project):
        from dogctl.lifecycle.status import status as look

        _need_a_cluster(watch=watch)
        return look(session.project)
    from dogctl.lifecycle import cluster_status
    from dogctl.lifecycle.status_changes import changes

    cluster = _cluster(session, checked=False)  # it asks that itself, with all else
    if not watch:
        return cluster_status.status(session.project, cluster)
    if session.channel.json:
        raise _no_end("what is watched", "dogctl status --watch")
    looks = cluster_status.watch(session.project, cluster)
    return _until_stopped(lambda: session.channel.watch(looks, changes))


def history(session: "Session") -> "Answer":
    """Show what was released to an environment: versions, who, when and how it went."""
    from dogctl.lifecycle.history import history as look

    return look(session.project, _cluster(session))


def open_(session: "Session") -> "Answer | int":
    """Open the running app in the browser; without an address of its own, at a port here until ^C."""
    from dogctl.lifecycle.cluster import has_cluster

    if not has_cluster(session.project):
        from dogctl.lifecycle.open import open_app

        return open_app(session.project)
    from dogctl.lifecycle.app_pods import AppPods
    from dogctl.lifecycle.open_cluster import forwarded, open_there
    from dogctl.lifecycle.port_forward import Forward

    apps = AppPods(session.project, _cluster(session))
    if answer := open_there(apps):
        return answer
    with Forward(apps, session.channel.note) as forward:
        session.channel.answer(forwarded(forward.url))
        return _until_stopped(forward.serve)


def logs(
    session: "Session",
    service: Service = None,
    container: Container = None,
    follow: Follow = False,
    lines: Lines = 100,
    since: Since = None,
    previous: Previous = False,
) -> "Answer":
    """Show what the app said."""
    from dogctl.lifecycle.cluster import has_cluster

    if follow and session.channel.json:
        raise _no_end("a followed log", "dogctl logs --follow")
    if has_cluster(session.project):
        return _cluster_logs(session, service, container, follow, lines, since, previous)
    from dogctl.answer import Answer
    from dogctl.lifecycle import logs as log

    _need_a_cluster(container=container, since=since, previous=previous)
    if not follow:
        recent = log.recent(session.project, lines, service)
        return Answer.lines({"lines": recent}, recent)
    for line in log.follow(session.project, lines, service):
        session.channel.line(line)
    raise AssertionError("a followed log has no end")


def _cluster_logs(
    session: "Session",
    service: str | None,
    container: str | None,
    follow: bool,
    lines: int,
    since: str | None,
    previous: bool,
) -> "Answer":
    from dogctl.errors import ConfigError
    from dogctl.lifecycle.app_pods import AppPods
    from dogctl.lifecycle.cluster_logs import Wanted, prefixed, recent
    from dogctl.lifecycle.follow_logs import follow as follow_there

    if follow and previous:
        raise ConfigError(
            "what was said before a restart cannot be followed",
            code="usage",
            hint="dogctl logs --previous",
        )
    wanted = Wanted(container, lines, previous, _seconds(since))
    apps = AppPods(session.project, _cluster(session), service)
    if not follow:
        answer, problems = recent(apps, wanted)
        for each in problems:
            session.channel.note(each)
        return answer
    for line in follow_there(apps, wanted, session.channel.note):
        session.channel.line(prefixed(line))
    raise AssertionError("a followed log has no end")


def exec_(
    session: "Session",
    words: Words = None,
    pod: Pod = None,
    container: Container = None,
    service: Service = None,
    yes: Yes = False,
) -> "Answer":
    """Run a command, or a shell, in a pod of the app; its exit code becomes ours."""
    from dogctl.lifecycle import exec as there
    from dogctl.lifecycle.app_pods import AppPods

    apps = AppPods(session.project, _cluster(session, changes=True), service)
    where = there.place(apps, pod, container)
    if session.project.settings.protected and not yes:
        name = session.environment
        warning = f"{name} is protected, and this runs a command in its pod {where.pod}."
        session.channel.confirm(warning, preview=False)
    command = tuple(words or there.SHELL)
    if session.channel.json:
        return there.collect(where, command, session.channel.stdin())
    return there.connect(where, command, session.channel)


def _cluster(session: "Session", *, changes: bool = False, checked: bool = True) -> "Cluster":
    from dogctl.lifecycle.cluster import connect

    remember = session.channel.redact.add
    return connect(session.project, remember=remember, changes=changes, start=not checked)


def _until_stopped(run: Callable[[], object]) -> int:
    """^C is the way to end it, and no failure."""
    try:
        run()
    except KeyboardInterrupt:
        return 0
    raise AssertionError("it has no end")


def _seconds(text: str | None) -> int | None:
    from dogctl.errors import ConfigError
    from dogctl.lifecycle.ages import seconds

    try:
        return None if text is None else seconds(text)
    except ValueError as error:
        raise ConfigError(str(error), code="usage", where="--since", hint="--since 10m") from None


def _no_end(what: str, command: str) -> "ConfigError":
    from dogctl.errors import ConfigError

    return ConfigError(
        f"--json answers with one object, and {what} has no end",
        code="usage",
        hint=f"{command} without --json",
    )


def _need_a_cluster(**given: object) -> None:
    """Refuse options that make no sense on this machine."""
    from dogctl.errors import ConfigError

    for name, value in given.items():
        if value:
            raise ConfigError(
                f"--{name} is about an environment with a cluster",
                code="usage",
                hint="add --env NAME of one that has a target",
            )
