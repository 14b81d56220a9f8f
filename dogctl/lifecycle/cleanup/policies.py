"""The policy that the words of a command mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from dogctl.errors import ConfigError
from dogctl.lifecycle.ages import seconds
from dogctl.lifecycle.cleanup.retention import Pattern, Policy, keep_latest, older_than_a_month

KEEP_LATEST, A_MONTH = "keep-latest", "older-than-a-month"
_HELP = "dogctl cleanup --help"
_EXAMPLE = "dogctl cleanup --keep 10 --dry-run shows what would go"


@dataclass(frozen=True)
class Words:
    """What is said of a policy, as it is said."""

    policy: str | None = None
    keep: int | None = None
    older_than: str | None = None
    group: str | None = None
    protect: Sequence[str] = ()
    only: Sequence[str] = ()

    @property
    def any(self) -> bool:
        """Whether anything is said."""
        return self != Words()

    def read(self) -> Policy:
        """The policy that they mean. Raises ConfigError."""
        limits = _limits(self.policy, self.keep, self.older_than)
        return Policy(
            limits.keep,
            limits.older_than,
            _pattern("--group", self.group) if self.group is not None else None,
            tuple(_pattern("--protect", each) for each in self.protect),
            tuple(_pattern("--only", each) for each in self.only),
        )


def _limits(name: str | None, keep: int | None, older_than: str | None) -> Policy:
    match name:
        case None:
            return _policy(keep, older_than)
        case "older-than-a-month" if keep is None and older_than is None:
            return older_than_a_month()
        case "keep-latest" if keep is not None and keep > 0 and older_than is None:
            return keep_latest(keep)
    raise ConfigError(
        f"{KEEP_LATEST} goes with --keep N alone, and {A_MONTH} without any other limit",
        code="usage",
        where="--policy",
        hint=_HELP,
    )


def _policy(keep: int | None, older_than: str | None) -> Policy:
    try:
        # Of 30, who means days would get seconds.
        if older_than is not None and older_than.isdecimal() and int(older_than):
            raise ValueError(f"{older_than!r} has no unit, such as {older_than}d for days")
        age = None if older_than is None else timedelta(seconds=seconds(older_than))
    except (ValueError, OverflowError) as error:
        raise ConfigError(str(error), code="usage", where="--older-than", hint=_HELP) from None
    try:
        return Policy(keep, age)
    except ValueError as error:
        none = keep is None and age is None
        where, hint = ("--keep, --older-than", _EXAMPLE) if none else ("--keep", _HELP)
        raise ConfigError(str(error), code="usage", where=where, hint=hint) from None


def _pattern(flag: str, text: str) -> Pattern:
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigError(
            f"{text!r} is no regular expression: {error}", code="usage", where=flag, hint=_HELP
        ) from None
