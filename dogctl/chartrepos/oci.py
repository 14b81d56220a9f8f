"""A repository in a registry: every chart is a repository there, every version a tag.

There is no index, so a version is published once its manifest is put. A registry has no put that
is refused where there is something: unless its tags are immutable, of two publishers of one version
who come within the same moment the second wins. The first one is told only if its last look comes
after that.
https://helm.sh/docs/topics/registries/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from dogctl.chartrepos.base import CORRUPT, Listing, Package, checked, same_chart
from dogctl.chartrepos.index import Entry, taken
from dogctl.chartrepos.versions import precedence
from dogctl.errors import ConfigError, DogctlError
from dogctl.image import Digest, ImageRef
from dogctl.registries.inventory import CHART, CREATED
from dogctl.registries.oci_content import MANIFEST, OciContent
from dogctl.registries.refusals import NO_REPOSITORY

# https://github.com/helm/helm/blob/main/pkg/registry/constants.go
ARCHIVE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
AT_ONCE = 8


@dataclass(frozen=True)
class OciCharts:
    """The charts below a path of a registry, as in base.ChartRepository.

    Args:
        path: what comes before the charts' names; may be empty.
    """

    url: str
    registry: OciContent
    path: str

    def listing(self, name: str | None = None) -> Listing:
        """Of all charts only where the registry names its repositories, which proves nothing."""
        names = self._names() if name is None else [name]
        found = tuple(entry for each in names for entry in self._versions(each))
        return Listing(found, complete=name is not None)

    def find(self, name: str, version: str) -> Entry | None:
        return self._entry(name, tag_of(version))

    def publish(self, package: Package) -> bool:
        ref = self._ref(package.name, package.version)
        if there := self._manifest(ref):
            self._require_same(there, ref, package)
            return False
        layers = [self._put(ref, package.archive, ARCHIVE)]
        if package.provenance is not None:
            layers.append(self._put(ref, package.provenance, PROVENANCE))
        config = json.dumps(package.chart()).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._put(ref, config, CHART),
            "layers": layers,
            "annotations": {
                "org.opencontainers.image.title": package.name,
                "org.opencontainers.image.version": package.version,
                CREATED: package.created,
            },
        }
        # By now somebody may have come first, and a login shows what nobody else is told of.
        if there := self._manifest(ref):
            self._require_same(there, ref, package)
            return False
        put = self.registry.put_manifest(ref, manifest)
        if self.registry.resolve(ref) != put:
            self._require_same(self._manifest(ref), ref, package)
            return False
        return True

    def pull(self, entry: Entry) -> bytes:
        return checked(entry, self._layer(entry, ARCHIVE))

    def provenance(self, entry: Entry) -> bytes | None:
        return self._layer(entry, PROVENANCE)

    def _names(self) -> Iterator[str]:
        found = self.registry.repositories(self._ref("any"))
        if found is None:
            raise ConfigError(
                "this registry does not say which charts it has",
                code="chart-name-needed",
                where=self.url,
                hint="dogctl chart list NAME",
            )
        head = f"{self.path}/" if self.path else ""
        for each in sorted(found):
            name = each.removeprefix(head)
            if each.startswith(head) and "/" not in name:
                yield name

    def _versions(self, name: str) -> list[Entry]:
        ref = self._ref(name)
        try:
            tags = self.registry.tags(ref)
        except DogctlError as error:
            if error.code != NO_REPOSITORY:
                raise
            return []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = [each for each in pool.map(partial(self._entry, name), tags) if each]
        return sorted(found, key=lambda each: precedence(each.version), reverse=True)

    def _entry(self, name: str, tag: str) -> Entry | None:
        """What a tag is on; None if that is no chart, such as a signature."""
        manifest = self._manifest(self._ref(name).tagged(tag))
        if manifest.get("config", {}).get("mediaType") != CHART:
            return None
        archive = _layer(manifest, ARCHIVE)
        created = manifest.get("annotations", {}).get(CREATED)
        digest = archive.hex if archive else None
        return Entry(name, version_of(tag), created, digest, (f"{self.url}/{name}:{tag}",))

    def _layer(self, entry: Entry, kind: str) -> bytes | None:
        ref = self._ref(entry.name, entry.version)
        found = _layer(self._manifest(ref), kind)
        return self.registry.blob(ref, found) if found else None

    def _require_same(self, manifest: Mapping[str, Any], ref: ImageRef, package: Package) -> None:
        """Raise DogctlError if the version is another chart's."""
        there = _layer(manifest, ARCHIVE)
        if there is not None and there.hex == package.digest:
            return
        archive = self.registry.blob(ref, there) if there else None
        if archive is None or not same_chart(archive, package.archive):
            raise taken(package.name, package.version)

    def _manifest(self, ref: ImageRef) -> Mapping[str, Any]:
        """Nothing if there is none."""
        found = self.registry.manifest(ref)
        return found[1] if found else {}

    def _put(self, ref: ImageRef, content: bytes, kind: str) -> dict[str, Any]:
        digest = self.registry.put_blob(ref, content)
        return {"mediaType": kind, "digest": str(digest), "size": len(content)}

    def _ref(self, name: str, version: str | None = None) -> ImageRef:
        repository = f"{self.path}/{name}" if self.path else name
        try:
            return ImageRef(self.registry.registry, repository, version and tag_of(version))
        except ValueError as error:
            raise ConfigError(str(error), code="bad-chart-name", where=self.url) from None


def tag_of(version: str) -> str:
    """A tag has no plus.

    https://helm.sh/docs/topics/registries/#oci-feature-deprecation-and-behavior
    """
    return version.replace("+", "_")


def version_of(tag: str) -> str:
    return tag.replace("_", "+")


def _layer(manifest: Mapping[str, Any], kind: str) -> Digest | None:
    layers = manifest.get("layers") or ()
    found = next((each for each in layers if each.get("mediaType") == kind), None)
    try:
        return Digest.parse(found["digest"]) if found else None
    except (KeyError, ValueError):
        raise DogctlError("this is no manifest of a chart", code=CORRUPT) from None
