"""The checks of the smoke test, as settings: what is asked of the app, and what it is to answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dogctl.config import parse
from dogctl.config.parse import ProblemsError

# A number that grows is told from one that happens to be right.
TIMES = 3


@dataclass(frozen=True)
class Number:
    """Where a number stands.

    Args:
        path: the path that answers it; None for the path of the check itself.
        json: its keys in a JSON answer, as in `data.visits`.
        text: a regular expression with one group, the number; with neither it is the whole answer.
    """

    path: str | None = None
    json: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Check:
    """One thing that is asked of the app.

    Args:
        path: what is got.
        status: the status of the answer.
        contains: text that is in it.
        json: the JSON value that it is; of a table, the keys that it has at least.
        increases_by: by how much each GET lets `number` grow.
        number: the number that grows.
        times: how many GETs are made for that.
        survives_restart: whether it is checked again after a restart of app and database, and the
            number goes on where it was.
    """

    path: str
    status: int = 200
    contains: str | None = None
    json: Any = None
    increases_by: int | None = None
    number: Number = Number()
    times: int = TIMES
    survives_restart: bool = False

    def __str__(self) -> str:
        if self.increases_by is None:
            return f"GET {self.path}"
        return f"GET {self.path} counts in {self.number.path or self.path}"

    def as_data(self) -> dict[str, Any]:
        """What was given, by the names it was given by; JSON types only."""
        plain = {key: value for key, value in asdict(self).items() if value != getattr(_BARE, key)}
        if "number" in plain:
            plain["number"] = {k: v for k, v in plain["number"].items() if v is not None}
        return {key.replace("_", "-"): value for key, value in plain.items()}


_BARE = Check("")


def parse_checks(value: Any) -> tuple[Check, ...]:
    """Read the list of checks. Raises ProblemsError with everything that is wrong in it."""
    if not isinstance(value, list) or not value:
        raise ValueError('must be a list of checks, such as [{ path = "/", status = 200 }]')
    problems: list[tuple[str, str]] = []
    checks = tuple(
        _read(item, f"[{index}]", _CHECK, problems, Check, "path")
        for index, item in enumerate(value)
    )
    if not problems:
        problems = [(f"[{i}]{at}", says) for i, c in enumerate(checks) for at, says in _odd(c)]
    if problems:
        raise ProblemsError(problems)
    return checks


Reader = Callable[[Any], Any]


def _read(
    value: Any,
    where: str,
    readers: Mapping[str, Reader],
    problems: list[tuple[str, str]],
    make: Callable[..., Any],
    required: str | None = None,
) -> Any:
    """One table as a value of its type; what is wrong goes to `problems`."""
    if not isinstance(value, Mapping):
        problems.append((where, f"must be a table, not {value!r}"))
        return make("/") if required else make()
    values = {}
    for key, raw in value.items():
        reader = readers.get(key)
        if reader is None:
            problems.append((f"{where}.{key}", f"no such key (known: {', '.join(readers)})"))
            continue
        try:
            values[key.replace("-", "_")] = reader(raw)
        except ProblemsError as error:
            problems.extend((f"{where}.{key}{at}", says) for at, says in error.problems)
        except ValueError as error:
            problems.append((f"{where}.{key}", f"{error}, not {raw!r}"))
    if required and required not in value:
        problems.append((where, f"has no {required}"))
    return make(**({required: "/"} if required else {}) | values)


def _odd(check: Check) -> Iterator[tuple[str, str]]:
    """Keys that make no sense without others."""
    if check.increases_by is None:
        for key in ("number", "times"):
            if getattr(check, key) != getattr(_BARE, key):
                yield f".{key}", "needs increases-by, which says by how much the number grows"


def _status(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:
        raise ValueError("must be a status from 100 to 599")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise ValueError("must be a whole number from 1 to 1000")
    return value


def _increase(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def _json(value: Any) -> Any:
    """What TOML has and JSON has not are dates and times."""
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    if not isinstance(value, str | bool | int | float):
        raise ValueError("must be a JSON value")
    return value


def _pattern(value: Any) -> str:
    try:
        groups = re.compile(_text(value)).groups
    except re.error as error:
        raise ValueError(f"must be a regular expression ({error})") from None
    if groups != 1:
        raise ValueError("must have one group, the number, such as 'visits ([0-9]+)'")
    return str(value)


def _number(value: Any) -> Number:
    problems: list[tuple[str, str]] = []
    number: Number = _read(value, "", _NUMBER, problems, Number)
    if number.json and number.text:
        problems.append(("", "must have json or text, not both"))
    if problems:
        raise ProblemsError(problems)
    return number


_NUMBER: Mapping[str, Reader] = {"path": parse.path, "json": _text, "text": _pattern}
_CHECK: Mapping[str, Reader] = {
    "path": parse.path,
    "status": _status,
    "contains": _text,
    "json": _json,
    "increases-by": _increase,
    "number": _number,
    "times": _count,
    "survives-restart": parse.boolean,
}
