"""`dogctl secrets set`, `rotate` and `list`: the secrets of an app in a cluster."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Table, Text
from dogctl.errors import ConfigError
from dogctl.lifecycle.cluster import connect
from dogctl.lifecycle.cluster_secrets import (
    PASSWORD,
    ROOT_PASSWORD,
    Entry,
    Store,
    check_writable,
    decoded,
    read,
)
from dogctl.lifecycle.evidence import Redact
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.release_steps import Options
from dogctl.lifecycle.revisions import running
from dogctl.lifecycle.secrets_change import answer_change, plan_change
from dogctl.plan import Plan, Results
from dogctl.secrets import Remember, Secret
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ROTATE = "secrets rotate"
_CHARACTERS = string.ascii_letters + string.digits
_LENGTH = 48
# What is nobody's but the app's, so that any value will do.
_RANDOM = ("DB_SECRET", "SECRET_KEYS")
# Several, with a comma between: the first signs, and all are good.
_SEVERAL = ("SECRET_KEYS",)
# What somebody else has to know as well.
_OUTSIDE = (PASSWORD, "DATABASE_URL")
_AGES = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_AGES |= {"s": timedelta(seconds=1), "w": timedelta(weeks=1)}


def plan_set(
    project: Project,
    values: Mapping[str, Secret],
    options: Options,
    *,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Give some variables these values, and roll the pods. Raises ConfigError, DogctlError."""
    for name, value in values.items():
        _check_value(name, value)

    def choose(store: Store) -> Mapping[str, Secret]:
        _check_there(store, list(values))
        check_writable(store, list(values))
        return values

    return plan_change(
        project,
        "secrets set",
        choose,
        options,
        exact=True,
        warning=_protected(project, "new secrets"),
        remember=remember,
        redact=redact,
        runner=runner,
    )


@dataclass(frozen=True)
class Which:
    """Which values a rotation is about.

    Args:
        names: these; else all that can be rotated.
        older_than: only what was not changed for so long.
    """

    names: tuple[str, ...] = ()
    older_than: timedelta | None = None


def plan_rotate(
    project: Project,
    which: Which,
    options: Options,
    *,
    remember: Remember = lambda _: None,
    redact: Redact = lambda text: text,
    runner: Runner = LOCAL,
) -> Plan:
    """Give variables new random values, and roll the pods. Raises ConfigError, DogctlError."""

    def choose(store: Store) -> Mapping[str, Secret]:
        names = due(store, which, datetime.now(UTC))
        check_writable(store, names)
        return {name: renewed(name, store.value(store.place(name))) for name in names}

    return plan_change(
        project,
        ROTATE,
        choose,
        options,
        # A schedule rotates by age, and nobody is there to be asked.
        warning=None if which.older_than else _protected(project, "new random secrets"),
        remember=remember,
        redact=redact,
        runner=runner,
    )


def answer_set(environment: str, results: Results) -> Answer:
    return answer_change(environment, "the values are what they are to be", results)


def answer_rotate(environment: str, which: Which, results: Results) -> Answer:
    kept = "everything is younger than that" if which.older_than else "there is nothing to rotate"
    return answer_change(environment, kept, results)


def list_secrets(
    project: Project, *, remember: Remember = lambda _: None, runner: Runner = LOCAL
) -> Answer:
    """The names, and when and by what each value was changed; never a value."""
    cluster = connect(project, remember=remember, runner=runner)
    store = read(cluster, project.settings, objects(running(cluster).manifest))
    now = datetime.now(UTC)
    entries = sorted(store.entries(), key=lambda each: (each.place.secret, each.name))
    data = [
        {
            "name": each.name,
            "secret": each.place.secret,
            "key": each.place.key,
            "changed": each.changed.isoformat(timespec="seconds"),
            "age_days": (now - each.changed).days,
            "origin": each.origin,
        }
        for each in entries
    ]
    if not entries:
        return Answer({"secrets": []}, (Text("there are no secrets"),))
    rows = tuple(_row(each, now) for each in entries)
    table = Table(("NAME", "AGE", "CHANGED", "BY", "SECRET"), rows)
    return Answer({"secrets": data}, (table,))


def _row(entry: Entry, now: datetime) -> tuple[str, ...]:
    at = f"{entry.changed:%Y-%m-%d %H:%M}"
    return entry.name, age(now - entry.changed), at, entry.origin, entry.place.secret


def age(passed: timedelta) -> str:
    """As people say it: 12d."""
    for unit in ("d", "h", "m"):
        if count := passed // _AGES[unit]:
            return f"{count}{unit}"
    return f"{max(0, passed // _AGES['s'])}s"


def parse_age(text: str) -> timedelta:
    """Raises ConfigError unless it is a time such as 90d."""
    found = re.fullmatch(r"([0-9]{1,5})([wdhms])", text)
    if not found:
        raise ConfigError(
            f"{text!r} is no time such as 90d, 12h or 30m",
            code="usage",
            where="--older-than",
            hint="dogctl secrets rotate --older-than 90d",
        )
    return int(found[1]) * _AGES[found[2]]


def due(store: Store, which: Which, now: datetime) -> list[str]:
    """The names of what is to be rotated now. Raises ConfigError: a name is not there."""
    entries = {each.name: each for each in store.entries()}
    for name in which.names:
        _check_name(name, entries, store)
    names = which.names or [each.name for each in entries.values() if is_random(each, store)]
    least = which.older_than
    return [name for name in names if least is None or now - entries[name].changed >= least]


def is_random(entry: Entry, store: Store) -> bool:
    """Whether its value is known to be a random one that nobody else has to know."""
    return (
        store.of_database(entry.place)
        or entry.name in _RANDOM
        or entry.origin == f"dogctl {ROTATE}"
    )


def renewed(name: str, old: str | None) -> Secret:
    """A new random value. A list of keys goes on with the one that was first."""
    new = "".join(secrets.choice(_CHARACTERS) for _ in range(_LENGTH))
    if name in _SEVERAL and old:
        return Secret(f"{new},{decoded(old).partition(',')[0]}")
    return Secret(new)


def _check_name(name: str, entries: Mapping[str, Entry], store: Store) -> None:
    if name not in entries:
        raise ConfigError(
            f"there is no secret {name}",
            code="no-such-secret",
            where=store.app,
            hint="dogctl secrets list",
            detail=(f"there are: {', '.join(sorted(entries))}",),
        )
    if name in _OUTSIDE and not store.of_database(entries[name].place):
        raise ConfigError(
            f"{name} is for a database elsewhere, which has to be told a new password first",
            code="secret-of-others",
            where=name,
            hint=f"change it there, then dogctl secrets set {name}",
        )


def _check_there(store: Store, names: Sequence[str]) -> None:
    """Raise ConfigError if there is no Secret to put a value into."""
    for secret in dict.fromkeys(store.place(name).secret for name in names):
        if store.found[secret] is None:
            raise ConfigError(
                f"there is no Secret {secret}, and its pods would not look for one",
                code="no-secret",
                where=secret,
                hint="name the one that its pods have their variables from in the setting"
                " app-secret, or let the chart make one",
            )


def _check_value(name: str, value: Secret) -> None:
    text = value.reveal()
    problem = (
        f"{name!r} is no name of an environment variable"
        if not VARIABLE.fullmatch(name)
        else f"the value of {name} is empty"
        if not text
        else f"the value of {name} holds a NUL, which no variable can"
        if "\0" in text
        else f"{name} has a line break, which a database's password cannot have here"
        if name in (PASSWORD, ROOT_PASSWORD) and "\n" in text
        else None
    )
    if problem:
        raise ConfigError(problem, code="bad-secret", where=name, hint="dogctl secrets set --help")


def _protected(project: Project, what: str) -> str | None:
    if not project.settings.protected:
        return None
    return f"{project.environment} is protected. This gives its app {what} and makes its pods anew."
