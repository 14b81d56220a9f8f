"""The chart of a release, from a repository that Helm itself cannot read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dogctl.lifecycle.chart import Chart, find_chart
from dogctl.lifecycle.charts.address import parse_address
from dogctl.lifecycle.charts.listing import pulled
from dogctl.lifecycle.charts.packing import FOLDER, write
from dogctl.lifecycle.charts.repository import open_repository
from dogctl.lifecycle.local import make_state
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project

# Registries and web servers are Helm's own business, with the logins that it has.
OURS = ("s3://", "gs://", "git+")


def release_chart(project: Project, remember: Remember = lambda _: None) -> Chart:
    """The chart to release, as a file here if only dogctl can get it. Raises DogctlError.

    The version is in the file's name, and what is published never changes.
    """
    chart = find_chart(project)
    if chart.repository is None or not chart.repository.startswith(OURS):
        return chart
    address = parse_address(chart.repository, project.origins["chart"])
    repository = open_repository(project, address, remember)
    package = pulled(repository, chart.ref, chart.version)
    make_state(project.state)
    return Chart(str(write(project.state / FOLDER, package)))
