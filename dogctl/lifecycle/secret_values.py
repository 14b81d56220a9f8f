"""Where new values of secrets are read from: never a command line, which others can see."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dogctl.errors import ConfigError
from dogctl.secrets import Secret


def names(given: Sequence[str]) -> tuple[str, ...]:
    """The names; `NAME=-` is NAME from stdin. Raises ConfigError: there is a value with one."""
    for word in given:
        name, equals, value = word.partition("=")
        if equals and value != "-":
            raise ConfigError(
                f"the value of {name} stands in the command line, where others can see it",
                code="secret-in-argv",
                where=name,
                hint=f"dogctl secrets set {name} asks for it, or reads it from stdin",
            )
    return tuple(dict.fromkeys(word.removesuffix("=-") for word in given))


def from_environment(
    wanted: Sequence[str], environ: Mapping[str, str] = os.environ
) -> dict[str, Secret]:
    """Raises ConfigError: a variable is not set."""
    if missing := [name for name in wanted if not environ.get(name)]:
        raise ConfigError(
            f"not set: {', '.join(missing)}",
            code="no-value",
            where="--from-env",
            hint="set the variables and run the command again",
        )
    return {name: Secret(environ[name]) for name in wanted}


def from_file(wanted: Sequence[str], path: Path) -> dict[str, Secret]:
    """The file's whole text, as one value. Raises ConfigError."""
    if len(wanted) != 1:
        raise ConfigError(
            "a file holds the value of one variable",
            code="usage",
            where="--from-file",
            hint="run the command once for each file",
        )
    try:
        return {wanted[0]: Secret(_without_end(path.read_text()))}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the value: {error}", code="no-value", where=str(path), hint="correct it"
        ) from None


def from_stream(wanted: Sequence[str], ask: Callable[[str], str]) -> dict[str, Secret]:
    """Each asked for on a terminal; else one is all of stdin, several a line each.

    Raises ConfigError: there are more names than lines.
    """
    if sys.stdin and sys.stdin.isatty():
        return {name: Secret(ask(f"{name}: ")) for name in wanted}
    text = sys.stdin.read() if sys.stdin else ""
    if len(wanted) == 1:
        return {wanted[0]: Secret(_without_end(text))}
    lines = text.splitlines()
    if len(lines) != len(wanted):
        raise ConfigError(
            f"{len(wanted)} variables and {len(lines)} lines on stdin",
            code="no-value",
            where="stdin",
            hint="give a line for each, in the order of the names",
        )
    return {name: Secret(line) for name, line in zip(wanted, lines, strict=True)}


def _without_end(text: str) -> str:
    """Without the line break that editors and `echo` put at the end."""
    return text.removesuffix("\n").removesuffix("\r")
