"""The command line, and the ONE place where errors become messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from dogctl.answer import Answer
from dogctl.cli.app import app
from dogctl.errors import Cancelled, ConfigError, DogctlError, ExitCode
from dogctl.output.channel import Channel
from dogctl.output.streams import ReaderGoneError


def main(arguments: Sequence[str]) -> int:
    """Run the command line on prepared streams; answers the exit code."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    # The flags as far as they can be read before parsing: usage errors obey them as well.
    channel = Channel(arguments, json="--json" in options, events="--events" in options)
    try:
        return _run(arguments, channel)
    except ReaderGoneError:
        return ExitCode.DONE
    except DogctlError as error:
        return _fail(channel, error)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(channel, Cancelled())
    except OSError as error:
        return _fail(channel, _system_error(error))
    except Exception as error:  # noqa: BLE001  (this is the boundary)
        from dogctl.output.bug import bug_error

        return _fail(channel, bug_error(error, channel.redact))


def _run(arguments: Sequence[str], channel: Channel) -> int:
    try:
        result = app(arguments, prog_name="dogctl", standalone_mode=False, obj=channel)
    except typer.TyperException as error:
        raise _usage_error(error) from None
    if isinstance(result, Answer):
        channel.answer(result)
        return result.exit_code
    if result == ExitCode.CANCELLED:  # what the parser makes of ^C
        raise Cancelled
    sys.stdout.flush()
    return int(result or 0)


def _fail(channel: Channel, error: DogctlError) -> int:
    try:
        channel.error(error)
    except ReaderGoneError:
        pass  # the exit code tells it all the same
    except DogctlError as unwritten:
        return unwritten.exit_code
    return error.exit_code


def _usage_error(error: typer.TyperException) -> ConfigError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "dogctl"
    return ConfigError(error.format_message(), code="usage", hint=f"{command} --help")


def _system_error(error: OSError) -> DogctlError:
    """A full disk, missing rights and the like: the machine's trouble, not a bug."""
    return DogctlError(
        error.strerror or str(error),
        code="system",
        where=str(error.filename) if error.filename else None,
        hint="correct that and run the command again: it goes on from where it is",
    )
