"""The checks of a smoke test: what is asked of a running app, and whether the answer will do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from time import monotonic
from typing import Any

from dogctl.config.checks import Check, Number
from dogctl.lifecycle.stack_state import describe_end
from dogctl.tools.docker import Container

# Longer than an app lets a request wait for its database.
REQUEST_SECONDS = 10.0
SHOWN = 100


@dataclass(frozen=True)
class Finding:
    """What became of one check: `problem` is None where it passed."""

    check: str
    seconds: float
    problem: str | None = None

    def as_data(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Response:
    """An answer of the app."""

    status: int
    text: str


class NoAnswerError(Exception):
    """The app did not answer; says how."""


Get = Callable[[str], Response]


def default_checks(health: str) -> tuple[Check, ...]:
    """Those of a project that names none: its page, and its health path."""
    return tuple(Check(path) for path in dict.fromkeys(("/", health)))


def ask_all(checks: Iterable[Check], get: Get) -> Iterator[Finding]:
    """Ask one after the other; an app that does not answer is not asked any more."""
    for check in checks:
        began = monotonic()
        try:
            problem = ask(check, get)
        except NoAnswerError as error:
            yield Finding(str(check), monotonic() - began, str(error))
            return
        yield Finding(str(check), monotonic() - began, problem)


def hardening(app: Container) -> tuple[Finding, Finding]:
    """Whether the app's container is nobody, on a file system that it cannot write to."""
    return (
        Finding("runs as a user, not as root", 0.0, user_problem(app.user)),
        Finding("file system is read-only", 0.0, disk_problem(app.read_only)),
    )


def user_problem(user: str) -> str | None:
    """What is wrong with the user that a container is configured to run as."""
    name = user.partition(":")[0]
    if name in ("", "root") or (name.isdigit() and int(name) == 0):
        return "it runs as root: name a user in the Dockerfile, such as USER 10001:10001"
    return None


def disk_problem(read_only: bool) -> str | None:
    """What is wrong with the root file system of a container."""
    if read_only:
        return None
    return "it is writable: read_only: true and tmpfs: [/tmp] in the compose file change that"


def steadiness(before: Sequence[Container], now: Sequence[Container]) -> Finding:
    """Whether all containers have gone on running."""
    old = {each.id: each for each in before}
    fallen = [
        each
        for each in now
        if each.id not in old
        or (each.started, each.restarts) != (old[each.id].started, old[each.id].restarts)
        or not each.works
    ]
    gone = len(now) < len(before)
    problem = describe_end(fallen[0]) if fallen else "a container is gone" if gone else None
    return Finding("no container ends", 0.0, problem)


def ask(check: Check, get: Get) -> str | None:
    """What is wrong with the answers to a check. Raises NoAnswerError."""
    if check.increases_by is None:
        return judge(check, get(check.path))
    try:
        return _count(check, get)
    except ValueError as error:
        return str(error)


def judge(check: Check, response: Response) -> str | None:
    """What is wrong with one answer."""
    if response.status != check.status:
        return f"answers {response.status}, not {check.status}{_shown(response.text)}"
    if check.contains is not None and check.contains not in response.text:
        return f"does not contain {check.contains!r}{_shown(response.text)}"
    if check.json is None:
        return None
    try:
        return difference(check.json, json.loads(response.text))
    except ValueError:
        return f"is no JSON{_shown(response.text)}"


def difference(wanted: Any, found: Any, where: str = "") -> str | None:
    """The first place where JSON is not what is wanted; of a table, only the wanted keys count."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            at = f"{where}.{key}" if where else key
            if key not in found:
                return f"has no {at}"
            if problem := difference(value, found[key], at):
                return problem
        return None
    # In Python true is 1; in JSON it is not.
    if wanted == found and isinstance(wanted, bool) == isinstance(found, bool):
        return None
    is_what = f"{where} is" if where else "is"
    return f"{is_what} {json.dumps(found)[:SHOWN]}, not {json.dumps(wanted)[:SHOWN]}"


def read_number(number: Number, text: str) -> float:
    """The number in an answer. Raises ValueError saying why there is none."""
    if number.text is not None:
        match = re.search(number.text, text, re.MULTILINE)
        if match is None:
            raise ValueError(f"has nothing like {number.text!r}{_shown(text)}")
        return _float(match[1])
    if number.json is None:
        return _float(text.strip())
    try:
        value = json.loads(text)
    except ValueError:
        raise ValueError(f"is no JSON{_shown(text)}") from None
    for key in number.json.split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (LookupError, TypeError, ValueError):
            raise ValueError(f"has no {number.json}{_shown(text)}") from None
    return _float(value)


def read_count(check: Check, get: Get) -> float:
    """The number that a check lets grow, without letting it grow, where that can be.

    Raises ValueError, NoAnswerError.
    """
    path = check.number.path or check.path
    response = get(path)
    if response.status != (200 if check.number.path else check.status):
        raise ValueError(f"{path} answers {response.status}{_shown(response.text)}")
    try:
        return read_number(check.number, response.text)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def resumed(check: Check, get: Get, before: float) -> str | None:
    """What is wrong with a number that was `before` before a restart. Raises NoAnswerError."""
    # A number in the answer of the counted path itself has grown by being read.
    own = 0 if check.number.path else check.increases_by or 0
    try:
        now = read_count(check, get)
    except ValueError as error:
        return str(error)
    if now == before + own:
        return None
    return f"was {before + own:g} before, and is {now:g} after it"


def _count(check: Check, get: Get) -> str | None:
    step = check.increases_by or 0
    first = read_count(check, get)
    for times in range(1, check.times + 1):
        if check.number.path and (problem := judge(check, get(check.path))):
            return problem
        wanted, now = first + step * times, read_count(check, get)
        if now != wanted:
            gets = "1 GET" if times == 1 else f"{times} GETs"
            return f"is {now:g} after {gets} from {first:g} on, not {wanted:g}"
    return None


def _float(value: Any) -> float:
    try:
        if isinstance(value, bool) or not isfinite(float(value)):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"has {str(value)[:SHOWN]!r} in place of a number") from None


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return f": {words[:SHOWN]}" if words else ""
