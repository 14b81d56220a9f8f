"""What would change, held against what was approved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar


class Change(Protocol):
    """Something that would change, in a cluster or by Terraform."""

    def data(self) -> Mapping[str, Any]: ...


Found = TypeVar("Found", bound=Change)


def unapproved(
    approved: Iterable[Mapping[str, Any]],
    found: Iterable[Found],
    redact: Callable[[Any], Any] = lambda data: data,
) -> list[Found]:
    """Those that are not in the list, or in another way.

    Args:
        approved: the list, as data.
        redact: masks secrets in data, as it was done in what was approved.
    """
    known = [_plain(redact(each)) for each in approved]
    return [each for each in found if _plain(redact(each.data())) not in known]


def _plain(data: Any) -> Any:
    """As it is once it was written and read."""
    return json.loads(json.dumps(data))
