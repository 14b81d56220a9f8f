"""`python -m tests.chart.readme`: writes the table in the chart's README from values.yaml.

A value's meaning is the comment above it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

import yaml

from tests.conftest import REPOSITORY

CHART = REPOSITORY / "charts" / "dogapp"
README = CHART / "README.md"
HEAD = "| value | default | meaning |\n|---|---|---|\n"


@dataclass(frozen=True)
class Value:
    """One row: `service.port`, its default as JSON, and what it means. A group has no default."""

    name: str
    default: str
    meaning: str

    def __str__(self) -> str:
        default = f"`{self.default}`" if self.default else ""
        return f"| `{self.name}` | {default} | {self.meaning} |\n"


def values() -> list[Value]:
    """Everything in values.yaml, in its order."""
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return list(below("", root, yaml.safe_load(text), text.splitlines()))


def below(prefix: str, node: yaml.MappingNode, data: object, lines: list[str]) -> Iterator[Value]:
    """The values of a mapping; one on a single line is a value itself. Groups may have a comment."""
    assert isinstance(data, dict)
    for key, value in node.value:
        name, found = f"{prefix}{key.value}", data[key.value]
        meaning = comment(lines[: key.start_mark.line])
        if not isinstance(value, yaml.MappingNode) or value.flow_style:
            yield Value(name, json.dumps(found), meaning)
            continue
        if meaning:
            yield Value(name, "", meaning)
        yield from below(f"{name}.", value, found, lines)


def comment(lines: list[str]) -> str:
    """What the comment at the end of these lines says."""
    words = takewhile(lambda line: line.startswith("#"), (line.strip() for line in reversed(lines)))
    return " ".join(reversed([line.removeprefix("#").strip() for line in words]))


def table() -> str:
    """The table of all values."""
    return HEAD + "".join(map(str, values()))


def readme() -> str:
    """The README with the table as it should be."""
    before, _, _ = README.read_text().partition(HEAD)
    return before + table()


if __name__ == "__main__":
    README.write_text(readme())
