"""The schemas of real providers, read from CDK for Terraform's bindings on PyPI.

A wheel holds compiled TypeScript with a folder for each resource and data source: `index.js` says
which arguments there are, of which type, and `index.d.ts` which of them are required. What it does
not say any more: whether an optional argument is computed too (all are taken to be), which values
are sensitive, conflicts and validators. The answer has the form of `terraform providers schema`.
"""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

Type = Any  # "string", or ["list", "string"], ["object", {...}]: as Terraform writes types
Block = dict[str, Any]

SIMPLE = {
    "string": "string",
    "boolean": "bool",
    "number": "number",
    "stringList": "string",
    "numberList": "number",
    "stringMap": "string",
    "anyMap": "string",
}
GETTERS: dict[str, Type] = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getAnyMapAttribute": ["map", "string"],
    "getStringMapAttribute": ["map", "string"],
    "getNumberMapAttribute": ["map", "number"],
    "getBooleanMapAttribute": ["map", "bool"],
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
}
MAPS = {"cdktf.NumberMap": "number", "cdktf.BooleanMap": "bool"}

INTERFACE = re.compile(r"export interface (\w+)[^{]*\{(.*?)\n\}", re.DOTALL)
PROPERTY = re.compile(r"readonly (\w+)(\??): ([^;]+);")
CLASS = re.compile(r"\nclass (\w+) extends cdktf\.\w+ \{(.*?)\n\}", re.DOTALL)
NESTED = re.compile(r"function (\w+)ToHclTerraform\(struct\) \{(.*?)\n\}", re.DOTALL)
TOP = re.compile(r"synthesizeHclAttributes\(\) \{(.*?)\n    \}", re.DOTALL)
ARGUMENT = re.compile(
    r'\n\s+"?(\w+)"?: \{\s+value: .*?,\s+isBlock: (true|false),\s+type: "(\w+)",'
    r'\s+storageClassType: "(\w+)",\s+\}',
    re.DOTALL,
)
COMPUTED = re.compile(
    r"// (\w+) - computed: true, optional: false, required: false\n\s+"
    r'(?:get \w+\(\) \{\s+return (.*?);\s+\}|this\._\w+ = new (\S+)\(this, "\w+"(.*?)\))',
    re.DOTALL,
)
RESOURCE = re.compile(r"terraformResourceType: '(\w+)'")


@dataclass(frozen=True)
class Sources:
    """The compiled sources of one folder; `objects` says whether nested ones are attributes.

    They are where a provider is written for version 6 of the protocol: `set = [{ ... }]`.
    """

    code: str
    declarations: str
    objects: bool = False

    @cached_property
    def interfaces(self) -> dict[str, dict[str, tuple[bool, str]]]:
        """By name of an interface and property: whether it is required, and its type."""
        return {
            name: {each: (not optional, kind) for each, optional, kind in PROPERTY.findall(body)}
            for name, body in INTERFACE.findall(self.declarations)
        }

    @cached_property
    def classes(self) -> dict[str, str]:
        """The bodies of classes, by name."""
        return dict(CLASS.findall(self.code))

    @cached_property
    def nested(self) -> dict[str, list[tuple[str, ...]]]:
        """The arguments of nested objects, by the names of their interfaces."""
        found = NESTED.findall(self.code)
        return {name[0].upper() + name[1:]: ARGUMENT.findall(body) for name, body in found}

    def resource(self, name: str) -> str:
        """The class of a resource, by its name in Terraform."""
        for cls, body in self.classes.items():
            if name in RESOURCE.findall(body):
                return cls
        raise LookupError(name)

    def top(self, name: str, body: str) -> Block:
        """The schema of a resource, a data source or the provider itself."""
        found = TOP.search(self.code)
        arguments = ARGUMENT.findall(found[1]) if found else []
        return self.block(arguments, name, body)

    def block(self, arguments: list[tuple[str, ...]], interface: str, body: str) -> Block:
        """A block of these arguments and of what is computed in the body of a class."""
        attributes: dict[str, Any] = {
            name: {"type": kind, "computed": True} for name, kind in self.computed(body)
        }
        blocks: dict[str, Any] = {}
        properties = self.interfaces.get(interface, {})
        for name, is_block, shape, kind in arguments:
            required, declared = properties.get(camel(name), (False, ""))
            says = {"required": True} if required else {"optional": True, "computed": True}
            if is_block == "false":
                attributes[name] = {"type": self.type(shape, kind), **says}
                continue
            inner = self.inner(kind)
            if name == "timeouts":
                blocks[name] = {"nesting_mode": "single", "block": inner}
                continue
            nesting = shape if shape in ("list", "set", "map") else "list"
            single = "[]" not in declared
            if self.objects:
                says = {"required": True} if required else {"optional": True}
                mode = "single" if single else nesting
                attributes[name] = {
                    "nested_type": {"nesting_mode": mode, "attributes": inner["attributes"]},
                    **says,
                }
            else:
                limits = {"min_items": 1} if required else {}
                limits |= {"max_items": 1} if single else {}
                blocks[name] = {"nesting_mode": nesting, "block": inner, **limits}
        return {"attributes": attributes, "block_types": blocks}

    def inner(self, kind: str) -> Block:
        """The block of a nested object, or of a list of them."""
        base = kind if kind in self.nested else kind.removesuffix("List")
        body = self.classes.get(f"{base}OutputReference", "")
        return self.block(self.nested.get(base, []), base, body)

    def computed(self, body: str) -> Iterator[tuple[str, Type]]:
        """What is only computed, with its type."""
        for name, returned, made, more in COMPUTED.findall(body):
            if returned:
                getter = re.search(r"this\.(get\w+)\(", returned)
                kind = GETTERS.get(getter[1], "string") if getter else "string"
                is_set = "tolist" in returned and isinstance(kind, list)
                yield name, ["set", kind[1]] if is_set else kind
            elif made.startswith("cdktf."):
                yield name, ["map", MAPS.get(made, "string")]
            else:
                base = made.rpartition(".")[2]
                if base.endswith("OutputReference"):
                    yield name, self.object(base.removesuffix("OutputReference"))
                else:
                    listed = "set" if "true" in more else "list"
                    yield name, [listed, self.object(base.removesuffix("List"))]

    def object(self, base: str) -> Type:
        """The type of an object."""
        types = dict(self.computed(self.classes.get(f"{base}OutputReference", "")))
        for name, _, shape, kind in self.nested.get(base, []):
            types[name] = self.type(shape, kind)
        return ["object", types]

    def type(self, shape: str, kind: str) -> Type:
        """The type of an argument."""
        if kind in SIMPLE:
            return SIMPLE[kind] if shape == "simple" else [shape, SIMPLE[kind]]
        base = kind if kind in self.nested else kind.removesuffix("List")
        return [shape if shape != "simple" else "list", self.object(base)]


@dataclass
class Bindings:
    """The sources in a wheel, by folder."""

    code: dict[str, str] = field(default_factory=dict)
    declarations: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, wheel: Path, folders: set[str]) -> Bindings:
        """Those of these folders."""
        found = cls()
        with zipfile.ZipFile(wheel) as files:
            (name,) = (name for name in files.namelist() if name.endswith(".jsii.tgz"))
            packed = files.read(name)
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r|gz") as files:
            for member in files:
                place = member.name.split("/")
                if len(place) < 4 or place[:2] != ["package", "lib"] or place[2] not in folders:
                    continue
                into = found.declarations if member.name.endswith(".d.ts") else found.code
                if member.name.endswith((".d.ts", ".js")) and (file := files.extractfile(member)):
                    into[place[2]] = into.get(place[2], "") + file.read().decode() + "\n"
        return found

    def sources(self, folder: str, *, objects: bool) -> Sources:
        """Those of a folder. Raises KeyError."""
        return Sources(self.code[folder], self.declarations[folder], objects)


def extract(wheel: Path, provider: str, types: Iterable[str], *, objects: bool) -> dict[str, Any]:
    """The schemas of a provider and of these types; those of data sources begin with `data.`.

    Raises LookupError for a type that the provider does not have.
    """
    wanted = {name: folder_of(name) for name in sorted(types)}
    bindings = Bindings.read(wheel, {"provider", *wanted.values()})
    found: dict[str, Any] = {"resource_schemas": {}, "data_source_schemas": {}}
    for name, folder in wanted.items():
        sources = bindings.sources(folder, objects=objects)
        plain = name.removeprefix("data.")
        cls = sources.resource(plain)
        block = sources.top(f"{cls}Config", sources.classes[cls])
        kind = "resource_schemas" if plain == name else "data_source_schemas"
        found[kind][plain] = {"version": 0, "block": block}
    block = bindings.sources("provider", objects=objects).top(
        f"{provider.title()}ProviderConfig", ""
    )
    block["attributes"].pop("alias", None)
    found["provider"] = {"version": 0, "block": block}
    return found


def folder_of(name: str) -> str:
    """Where the bindings have a type: `data.google_project` is in `data-google-project`."""
    provider, _, rest = name.removeprefix("data.").partition("_")
    prefix = f"data-{provider}-" if name.startswith("data.") else ""
    # `String` would hide JavaScript's own.
    folder = rest.replace("_", "-")
    return prefix + ("string-resource" if folder == "string" else folder)


def camel(name: str) -> str:
    """`node_pool` as TypeScript has it: `nodePool`."""
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)
