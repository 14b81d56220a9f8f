"""Readers of single values: TOML value or environment text in, typed value out.

Each raises ValueError with what the value must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dogctl.image import ImageRef
from dogctl.secrets import Secret

Choice = TypeVar("Choice", bound=StrEnum)

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
STAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# https://github.com/opencontainers/image-spec/blob/main/image-index.md#platform-variants
PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?")
TAG = re.compile(r"(\{branch\}|[A-Za-z0-9_.-])+")
PIN = re.compile(r"[0-9a-f-]{36}/[0-9a-f]{16}")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
STATE = re.compile(r"local|(s3|gs)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*/?")
# No password: it would be an argument of git's.
CHART_REPOSITORY = re.compile(
    r"(s3|gs|oci|https|git\+https?|git\+file)://[A-Za-z0-9/][A-Za-z0-9._:/#-]*"
    r"|git\+ssh://([A-Za-z0-9_-]+@)?[A-Za-z0-9][A-Za-z0-9._:/#~-]*"
)
OUTPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
REF = re.compile(r"(branch|tag):[^\s:]+")
PATH = re.compile(r"/[\w\-./~%?=&]*")


class ProblemsError(ValueError):
    """Everything that is wrong inside of a value: where in it, such as `[1].path`, and what."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{where}: {says}" for where, says in problems))
        self.problems = tuple(problems)


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("must be a line of text")
    return value


def name(value: Any) -> str:
    # The narrowest of the places it is used in: DNS labels, compose projects, Helm releases.
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError("must be lower-case letters, digits and dashes, at most 53 of them")
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def port(value: Any) -> int:
    number = _number(value)
    if number is None or not number.is_integer() or not 1 <= number <= 65535:
        raise ValueError("must be a port from 1 to 65535")
    return int(number)


def seconds(value: Any) -> float:
    number = _number(value)
    if number is None or not 0 < number <= 86_400:
        raise ValueError("must be a number of seconds above 0")
    return number


def hours(value: Any) -> float:
    number = _number(value)
    if number is None or not 0 < number <= 720:
        raise ValueError("must be a number of hours above 0, and 720 at most")
    return number


def revisions(value: Any) -> int:
    """Two at least: the one that runs, and one to roll back to."""
    if isinstance(value, bool) or not isinstance(value, int) or not 2 <= value <= 1000:
        raise ValueError("must be a whole number from 2 to 1000")
    return value


def count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a whole number above 0")
    return value


def age(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([0-9]{1,5}[dhms])+", value):
        raise ValueError("must be an age, such as 30d or 12h")
    return value


def pin(value: Any) -> str:
    if not isinstance(value, str) or not PIN.fullmatch(value):
        raise ValueError("must be a cluster's identity, as `dogctl status --env NAME` shows it")
    return value


def files(value: Any) -> tuple[str, ...]:
    """Names of files; what is in them is read later."""
    if not isinstance(value, list) or not all(
        isinstance(v, str) and v.isprintable() for v in value
    ):
        raise ValueError('must be a list of files, such as ["values/prod.yaml"]')
    return tuple(value)


def path(value: Any) -> str:
    if not isinstance(value, str) or not PATH.fullmatch(value):
        raise ValueError("must be a path that begins with /")
    return value


def repository(value: Any) -> str:
    try:
        ref = ImageRef.parse(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"must be a repository of images ({error})") from None
    if ref.tag or ref.digest:
        raise ValueError("must be a repository of images, without a tag or digest")
    return str(value)


def command(value: Any) -> tuple[str, ...]:
    words = isinstance(value, list) and all(isinstance(v, str) and "\0" not in v for v in value)
    if not value or not words:
        raise ValueError('must be a list of words, such as ["{python}", "-m", "webapp"]')
    return tuple(value)


def stage(value: Any) -> str:
    if not isinstance(value, str) or not STAGE.fullmatch(value):
        raise ValueError("must be the name of a stage in the Dockerfile")
    return value


def secret_names(value: Any) -> Mapping[str, Secret]:
    """Names of environment variables; what they hold is read later."""
    if not isinstance(value, list) or not all(map(VARIABLE.fullmatch, map(str, value))):
        raise ValueError('must be a list of environment variables, such as ["PIP_TOKEN"]')
    return MappingProxyType({name: Secret("") for name in value})


def platforms(value: Any) -> tuple[str, ...]:
    """A list or, as Docker has it, a text with commas."""
    given = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, list) or not all(map(PLATFORM.fullmatch, map(str, given))):
        raise ValueError("must be platforms such as linux/amd64 or linux/arm64")
    return tuple(sorted(set(given)))


def tags(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(map(TAG.fullmatch, map(str, value))):
        raise ValueError('must be a list of tags, such as ["latest", "{branch}"]')
    return tuple(value)


def caches(value: Any) -> tuple[str, ...]:
    """https://docs.docker.com/build/cache/backends/"""
    if not isinstance(value, list) or not all(
        isinstance(v, str) and v.isprintable() for v in value
    ):
        raise ValueError('must be a list such as ["type=registry,ref=team/app:cache"]')
    return tuple(value)


def assignments(value: Any) -> Mapping[str, str]:
    """A table or, from the command line, a list of NAME=value."""
    if isinstance(value, list):
        if not all("=" in str(item) for item in value):
            raise ValueError("must be NAME=value")
        value = dict(str(item).split("=", 1) for item in value)
    return variables(value)


def variables(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a table of NAME = value")
    for key, item in value.items():
        if not VARIABLE.fullmatch(key):
            raise ValueError(f"{key!r} is no name for an environment variable")
        if isinstance(item, bool) or not isinstance(item, str | int | float) or "\0" in str(item):
            raise ValueError(f"the value of {key} must be text or a number")
    return MappingProxyType({key: str(item) for key, item in value.items()})


def state(value: Any) -> str:
    if not isinstance(value, str) or not STATE.fullmatch(value):
        raise ValueError("must be s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or local")
    return value.rstrip("/")


def chart_repository(value: Any) -> str:
    if not isinstance(value, str) or not CHART_REPOSITORY.fullmatch(value):
        raise ValueError(
            "must be s3://BUCKET/FOLDER, gs://BUCKET/FOLDER, oci://HOST/PATH,"
            " https://OWNER.github.io/REPOSITORY or git+https://HOST/REPOSITORY.git#BRANCH:FOLDER,"
            " without a password"
        )
    return value.rstrip("/")


def outputs(value: Any) -> Mapping[str, str]:
    """What an output of Terraform's becomes: names, or paths such as `database.host`."""
    if not isinstance(value, Mapping) or not all(
        isinstance(v, str) and OUTPUT.fullmatch(k) and VARIABLE.fullmatch(v)
        for k, v in value.items()
    ):
        raise ValueError(
            'must be a table of NAME = "OUTPUT", the name of one of Terraform\'s outputs'
        )
    for path in value:
        if inner := next((each for each in value if each.startswith(f"{path}.")), None):
            raise ValueError(f"{path} cannot be a value and hold {inner}")
    return MappingProxyType(dict(value))


def refs(value: Any) -> tuple[str, ...]:
    """Patterns of branches and tags."""
    if not isinstance(value, list) or not all(REF.fullmatch(str(item)) for item in value):
        raise ValueError('must be a list such as ["branch:main", "tag:v*"]')
    return tuple(value)


def secret(value: Any) -> Secret:
    return Secret(str(value))


def secret_url(value: Any) -> Secret:
    try:
        parts = urlsplit(str(value))
        # An unencoded #, / or ? ends the host part early, and the rest of a password follows it.
        torn = "@" in parts.path + parts.query or parts.fragment
        valid = parts.scheme and (parts.netloc or parts.path) and parts.port != 0 and not torn
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            "must be a URL such as mysql://user:password@host:3306/name,"
            " its password percent-encoded"
        )
    return Secret(str(value))


def one_of(choices: type[Choice]) -> Callable[[Any], Choice]:
    def read(value: Any) -> Choice:
        try:
            return choices(value)
        except ValueError:
            raise ValueError(f"must be one of: {', '.join(choices)}") from None

    return read


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
