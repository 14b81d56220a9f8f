"""What one deploy ships together, beside the image and the chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from dogctl.lifecycle.release_diff import Change

# What would change, and the hash of the approval that each revision came from, by its number.
Expect = Callable[[Sequence[Change], Mapping[int, str | None]], None]


@dataclass(frozen=True)
class Bundle:
    """What a release gets from the deploy that it belongs to.

    Args:
        values: of the chart, such as an address that Terraform has made.
        outputs: Terraform's outputs that are no secrets, to be noted.
        commit: what the image was built from.
        approval: the hash of the approved plan.
        expect: hears what the release is about to change, and raises DogctlError if that is not
            what was approved.
        jobs: commands that run in the cluster, with the new image, before anything is released.
    """

    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    outputs: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    commit: str | None = None
    approval: str | None = None
    expect: Expect = lambda *_: None
    jobs: tuple[tuple[str, ...], ...] = ()


ALONE = Bundle()


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{"database.host": 1}` as the tables that a chart has: `{"database": {"host": 1}}`."""
    tables: dict[str, Any] = {}
    for path, value in values.items():
        *folders, name = path.split(".")
        table = tables
        for folder in folders:
            table = table.setdefault(folder, {})
        table[name] = value
    return tables
