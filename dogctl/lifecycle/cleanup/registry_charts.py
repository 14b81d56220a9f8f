"""`dogctl cleanup charts` in a registry, where a chart is a repository and its versions are tags.

So they go as images do, with their signatures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from dogctl.chartrepos.oci import version_of
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.charts.address import Address
from dogctl.lifecycle.charts.repository import registry_of
from dogctl.lifecycle.cleanup.chart_retention import by_version
from dogctl.lifecycle.cleanup.chart_uses import asked_for, versions_in_use
from dogctl.lifecycle.cleanup.images import Images
from dogctl.lifecycle.cleanup.references import References
from dogctl.lifecycle.cleanup.retention import InUse
from dogctl.plan import Run
from dogctl.registries.inventory import Inventory, Item, Kind

if TYPE_CHECKING:
    from dogctl.config.model import Project


@dataclass
class RegistryCharts(Images):
    """The versions of one chart, as a Part.

    Args:
        environments: the project in each environment that it declares.
        address: where the charts are.
        chart: the chart's name.
    """

    environments: Sequence[Project] = ()
    address: Address = field(kw_only=True)
    chart: str = field(kw_only=True)
    others: ClassVar[Collection[Kind]] = (Kind.IMAGE, Kind.INDEX)

    @cached_property
    def repository(self) -> ImageRef:
        path = f"{self.address.folder}/{self.chart}" if self.address.folder else self.chart
        return ImageRef(registry_of(self.address), path)

    @property
    def name(self) -> str:
        return "charts"

    def _in_use(self, used: References, inventory: Inventory) -> InUse:
        """Which charts are made of it is known of the project's own only."""
        asked = {**asked_for((self.project, *self.environments), self.chart), **used.versions}
        own = (item for item in inventory.items if item.kind not in self.others)
        tags = {version_of(tag): tag for item in own for tag in item.tags}
        found = versions_in_use(asked, set(tags))
        named = {tags[version]: where for version, where in found.items()}
        return InUse({}, named, tuple(used.gaps))

    def _tie(self, item: Item) -> Any:
        return by_version(item)

    def _survey(self, run: Run, _: Iterable[Digest]) -> Inventory:
        return super()._survey(run, ())
