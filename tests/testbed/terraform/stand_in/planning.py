"""What a plan says of values that nobody has given: pure functions over values and schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tf.types import Unknown

from tests.testbed.terraform.stand_in.wire import is_write_only

Value = Any
Block = Mapping[str, Any]


def conform(value: Mapping[str, Value], block: Block) -> dict[str, Value]:
    """Everything that the schema has and nothing else, as values on the wire are."""
    whole: dict[str, Value] = {
        name: None if is_write_only(name) else value.get(name) for name in block["attributes"]
    }
    for name, nested in block["block_types"].items():
        inner, found = nested["block"], value.get(name)
        if found is Unknown:
            whole[name] = found
        elif nested["nesting_mode"] == "single":
            whole[name] = None if found is None else conform(found, inner)
        elif isinstance(found, Mapping):
            whole[name] = {key: conform(each, inner) for key, each in found.items()}
        else:
            whole[name] = [conform(each, inner) for each in found or []]
    return whole


def known(value: Value) -> Value:
    """The value without what is unknown: there is nothing in its place."""
    if value is Unknown:
        return None
    if isinstance(value, Mapping):
        return {name: known(each) for name, each in value.items()}
    return [known(each) for each in value] if isinstance(value, list) else value


def with_defaults(value: Mapping[str, Value], defaults: Mapping[str, Value]) -> dict[str, Value]:
    """The value with what a provider says where a configuration says nothing."""
    missing = {name: default for name, default in defaults.items() if value.get(name) is None}
    return {**value, **missing}


def with_unknown(
    value: Mapping[str, Value], block: Block, also: Iterable[str] = ()
) -> dict[str, Value]:
    """For something new: what is only computed is not known yet, and neither are the names in
    `also` that have no value."""
    marked = dict(value)
    for name, attribute in block["attributes"].items():
        computed = attribute.get("computed") and (not attribute.get("optional") or name in also)
        if marked.get(name) is None and computed:
            marked[name] = Unknown
    for name, nested in block["block_types"].items():
        found, inner = marked.get(name), nested["block"]
        if found == [] and computes(inner):
            marked[name] = Unknown
        elif isinstance(found, list):
            marked[name] = [with_unknown(each, inner) for each in found]
    return marked


def computes(block: Block) -> bool:
    """Whether something in a block is only computed; then the whole block may be."""
    attributes = block["attributes"].values()
    return any(each.get("computed") and not each.get("optional") for each in attributes) or any(
        computes(nested["block"]) for nested in block["block_types"].values()
    )


def with_prior(
    value: Mapping[str, Value], prior: Mapping[str, Value], block: Block
) -> dict[str, Value]:
    """For something old: blocks that are computed where they are left out stay as they were."""
    kept = dict(value)
    for name, nested in block["block_types"].items():
        found, before, inner = kept.get(name), prior.get(name), nested["block"]
        if found == [] and before and computes(inner):
            kept[name] = before
        elif isinstance(found, list) and isinstance(before, list) and len(found) == len(before):
            kept[name] = [
                with_prior(each, old, inner) for each, old in zip(found, before, strict=True)
            ]
    return kept


def replaced(
    value: Mapping[str, Value], prior: Mapping[str, Value], force_new: Iterable[str]
) -> list[str]:
    """What cannot be changed in place, and changes."""
    return [
        name
        for name in force_new
        if name in value and value[name] != prior.get(name) and value[name] != []
    ]
