"""Schemas and values as the plugin protocol has them.

https://github.com/hashicorp/terraform/blob/v1.11/docs/plugin-protocol/tfplugin6.8.proto
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as pb
from tf.types import Unknown

Value = Any
Block = Mapping[str, Any]
BLOCKS = {
    "single": pb.Schema.NestedBlock.SINGLE,
    "list": pb.Schema.NestedBlock.LIST,
    "set": pb.Schema.NestedBlock.SET,
    "map": pb.Schema.NestedBlock.MAP,
}
OBJECTS = {
    "single": pb.Schema.Object.SINGLE,
    "list": pb.Schema.Object.LIST,
    "set": pb.Schema.Object.SET,
    "map": pb.Schema.Object.MAP,
}
UNKNOWN = 0
# `write_only = true`, field 11, which these bindings do not know yet and pass on all the same.
WRITE_ONLY = b"\x58\x01"


def schema(described: Mapping[str, Any], sensitive: frozenset[str] = frozenset()) -> pb.Schema:
    """A schema; attributes with these names, wherever they are, do not show their values."""
    return pb.Schema(version=described["version"], block=block(described["block"], sensitive))


def block(described: Block, sensitive: frozenset[str]) -> pb.Schema.Block:
    """A block with its blocks."""
    return pb.Schema.Block(
        attributes=attributes(described["attributes"], sensitive),
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=block(each["block"], sensitive),
                nesting=BLOCKS[each["nesting_mode"]],
                min_items=each.get("min_items", 0),
                max_items=each.get("max_items", 0),
            )
            for name, each in described["block_types"].items()
        ],
    )


def attributes(
    described: Mapping[str, Any], sensitive: frozenset[str]
) -> list[pb.Schema.Attribute]:
    """The attributes of a block or an object."""
    return [attribute(name, each, sensitive) for name, each in described.items()]


def attribute(
    name: str, described: Mapping[str, Any], sensitive: frozenset[str]
) -> pb.Schema.Attribute:
    """An attribute; it has a type, or attributes of its own."""
    found = pb.Schema.Attribute(
        name=name,
        required=described.get("required", False),
        optional=described.get("optional", False),
        computed=described.get("computed", False),
        sensitive=name in sensitive,
    )
    if nested := described.get("nested_type"):
        found.nested_type.nesting = OBJECTS[nested["nesting_mode"]]
        found.nested_type.attributes.extend(attributes(nested["attributes"], sensitive))
    else:
        found.type = json.dumps(described["type"]).encode()
    if is_write_only(name):
        found.computed = False
        found.MergeFromString(WRITE_ONLY)
    return found


def is_write_only(name: str) -> bool:
    """Whether Terraform tells it and forgets it, by the name that providers give such arguments."""
    return name.endswith("_wo")


def read(value: pb.DynamicValue) -> Value:
    """A value; what is not known yet is `Unknown`."""
    if value.json:
        return json.loads(value.json)
    return msgpack.unpackb(value.msgpack, ext_hook=extension) if value.msgpack else None


def extension(code: int, data: bytes) -> Value:
    """Every unknown value, also one of which a little is known."""
    return Unknown if code in (UNKNOWN, 12) else msgpack.ExtType(code, data)


def write(value: Value) -> pb.DynamicValue:
    """The other way round."""
    return pb.DynamicValue(msgpack=msgpack.packb(value, default=unknown))


def unknown(_value: object) -> msgpack.ExtType:
    """What stands for a value that is not known yet."""
    return msgpack.ExtType(UNKNOWN, b"\x00")


def path(name: str) -> pb.AttributePath:
    """Where an attribute of the top is."""
    return pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])


def error(summary: str, detail: str = "") -> list[pb.Diagnostic]:
    """What Terraform prints after `Error:`."""
    return [pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=summary, detail=detail)]
