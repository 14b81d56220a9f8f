"""Whether manifests are what Kubernetes takes, by kubeconform: no cluster is asked.

Its schemas are usually downloaded. These are made, once, of what the API server says of itself,
which is more: it lists the values where only some are allowed. A `null` counts as a mistake.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed import cache
from tests.testbed.cluster.builds import BUILDS
from tests.testbed.cluster.cluster import cluster
from tests.testbed.engine import own_engine
from tests.testbed.stages import stage

BUILT = {build.name: build for build in BUILDS}
REFERENCE = "#/definitions/"
# Where these stand in the API's own description, more is taken than it says.
MORE = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("string", "number"),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("string", "integer"),
}
Schema = dict[str, Any]


@dataclass(frozen=True)
class Conformance:
    """kubeconform with the schemas of the cluster's version."""

    program: Path
    schemas: Path

    def complaints(self, manifest: str, *, skip: Iterable[str] = ()) -> list[str]:
        """What is wrong with the documents of a manifest, one line each; strictly.

        Kinds that Kubernetes itself does not have are wrong too, unless they are in `skip`.
        Raises ValueError if there is no document.
        """
        done = subprocess.run(
            [
                self.program,
                "-strict",
                "-summary",
                "-output=json",
                f"-schema-location={self.schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
                f"-skip={','.join(skip)}",
            ],
            input=manifest,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = json.loads(done.stdout)
        if not any(answer["summary"].values()):
            raise ValueError(f"no document: {manifest!r}")
        return [complaint(resource) for resource in answer["resources"]]


def complaint(resource: Mapping[str, Any]) -> str:
    """What kubeconform says of a resource: the places, and what is wrong there."""
    _, _, places = resource["msg"].partition("json#' - ")
    return f"{resource['kind']} {resource['name']}: {places or resource['msg']}"


def conformance() -> Conformance:
    """What checks manifests, made if this is the first time. Raises MissingPackages."""
    return Conformance(BUILT["kubeconform"].program(), cache.once(folder(), make))


def folder() -> str:
    """The name of the schemas in the cache."""
    return f"schemas-{cache.key(BUILT['kube-apiserver'].folder, Path(__file__).read_bytes())}"


def make(into: Path) -> None:
    """Fill the folder with a schema for each kind and version."""
    with own_engine() as engine, cluster(engine) as found:
        said = json.loads(found.kubectl("get", "--raw", "/openapi/v2"))
    with stage("writing schemas for manifests"):
        definitions = {name: strict(said) for name, said in said["definitions"].items()}
        for name, description in said["definitions"].items():
            for kind in description.get("x-kubernetes-group-version-kind", []):
                schema = {"$ref": REFERENCE + name, "definitions": below(name, definitions)}
                (into / file_name(**kind)).write_text(json.dumps(schema))
    (into / "versions").write_text(f"schemas of {BUILT['kube-apiserver'].version}\n")


def file_name(group: str, version: str, kind: str) -> str:
    """Where kubeconform looks: `deployment-apps-v1.json`, `service-v1.json`."""
    words = [kind, group.partition(".")[0], version]
    return f"{'-'.join(filter(None, words)).lower()}.json"


def strict(description: Any) -> Any:
    """A schema of an API's description, which takes no properties but those that it lists."""
    if isinstance(description, list):
        return [strict(value) for value in description]
    if not isinstance(description, dict):
        return description
    schema = {name: strict(value) for name, value in description.items() if name != "properties"}
    schema.pop("description", None)
    if "properties" in description:
        # Their names may be the words of schemas.
        schema["properties"] = {
            name: strict(value) for name, value in description["properties"].items()
        }
        schema.setdefault("additionalProperties", False)
    return schema


def below(name: str, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """A definition and all that it refers to."""
    found: dict[str, Schema] = {}
    open_ = [name]
    while open_:
        name = open_.pop()
        if name not in found:
            found[name] = {"type": [*MORE[name]]} if name in MORE else definitions[name]
            open_ += references(found[name])
    return found


def references(schema: Any) -> Iterator[str]:
    """The definitions that a schema refers to itself."""
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(REFERENCE)
    values = schema.values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict | list):
        for value in values:
            yield from references(value)
