"""What nobody may see of a plan of Terraform's.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dogctl.secrets import Secret

Json = Mapping[str, Any]

# What is shorter is masked where it stands, and not wherever else it turns up.
_SHORTEST = 6


def secrets(plan: Json) -> Iterator[Secret]:
    """Every sensitive text in a plan, long enough to be one."""
    for each in (*(plan.get("resource_changes") or ()), *(plan.get("resource_drift") or ())):
        yield from _change_secrets(each["change"])
    for each in (plan.get("output_changes") or {}).values():
        yield from _change_secrets(each)
    known = (plan.get("configuration") or {}).get("root_module", {}).get("variables") or {}
    for name, each in (plan.get("variables") or {}).items():
        if known.get(name, {}).get("sensitive"):
            yield from _texts(each.get("value"), True)


def output_secrets(outputs: Json) -> Iterator[Secret]:
    """Every text in the sensitive ones of some outputs."""
    for each in outputs.values():
        if each.get("sensitive"):
            yield from _texts(each.get("value"), True)


def is_masked(mask: Any, name: str) -> bool:
    """Whether a field, or anything in it, is sensitive."""
    if not isinstance(mask, dict):
        return mask is True
    return _any(mask.get(name))


def _any(mask: Any) -> bool:
    if isinstance(mask, dict):
        return any(map(_any, mask.values()))
    if isinstance(mask, list):
        return any(map(_any, mask))
    return mask is True


def _change_secrets(change: Json) -> Iterator[Secret]:
    yield from _texts(change.get("before"), change.get("before_sensitive"))
    yield from _texts(change.get("after"), change.get("after_sensitive"))


def _texts(value: Any, mask: Any) -> Iterator[Secret]:
    """The texts of a value where a mask of the same form says that they are sensitive."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, mask if mask is True else as_dict(mask).get(name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            masks = mask if isinstance(mask, list) else []
            inner = masks[at] if at < len(masks) else None
            yield from _texts(item, True if mask is True else inner)
    elif mask is True and isinstance(value, str) and len(value) >= _SHORTEST:
        yield Secret(value)


def as_dict(value: Any) -> Json:
    """The value, if it has names; else one without any."""
    return value if isinstance(value, dict) else {}
