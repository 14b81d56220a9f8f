"""YAML as Helm and Kubernetes read it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from dogctl.errors import ConfigError

_TAG = "tag:yaml.org,2002:"
_NOT_THEIRS = (f"{_TAG}timestamp", f"{_TAG}value")
_TIME = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$")


def read(path: Path, what: str, *, code: str, hint: str) -> dict[str, Any]:
    """The table in a file; an empty file has an empty one.

    Args:
        what: what the file is, for the error.

    Raises ConfigError with that code and hint: it cannot be read, or holds something else.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read {what}: {error}", code=code, where=str(path), hint=hint
        ) from None
    return parse(text, what, where=str(path), code=code, hint=hint)


def parse(text: str, what: str, *, where: str, code: str, hint: str) -> dict[str, Any]:
    """The table in a text, as `read` has it. Raises ConfigError."""
    import yaml

    try:
        found = yaml.load(text, Loader=loader())  # noqa: S506  (a safe one)
    except yaml.YAMLError as error:
        raise ConfigError(
            f"cannot read {what}: {error}", code=code, where=where, hint=hint
        ) from None
    if not isinstance(found or {}, dict):
        raise ConfigError(f"{what}: no table of names", code=code, where=where, hint=hint)
    return found or {}


@cache
def loader() -> Any:
    """Of dates and times such as 12:30:45 it makes text.

    https://pkg.go.dev/sigs.k8s.io/yaml: into JSON, which knows no dates
    """
    import yaml

    class Loader(yaml.CSafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(f"{_TAG}str", _TIME), *(each for each in known if each[0] not in _NOT_THEIRS)]
        for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader
