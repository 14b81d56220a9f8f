"""The chart repository of a project, with the login that there is for it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dogctl.chartrepos.base import NO_VERSION, ChartRepository, Indexed, Pause
from dogctl.chartrepos.index import Entry
from dogctl.chartrepos.versions import is_prerelease, precedence
from dogctl.errors import ConfigError, DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.charts.address import KINDS, Address, Kind, parse_address
from dogctl.lifecycle.image import login_for
from dogctl.secrets import Remember, Secret

if TYPE_CHECKING:
    from dogctl.config.model import Project

# Where a job of GitHub's says which GitHub it runs at.
GITHUB = "GITHUB_SERVER_URL"


def address_of(project: Project) -> Address:
    """The address in the settings. Raises ConfigError: there is none, or it is of no known kind."""
    url = project.settings.chart_repository
    if url is None:
        raise ConfigError(
            "no chart repository is set",
            code="no-chart-repository",
            where="chart-repository",
            hint=f"add chart-repository to pyproject.toml, or set CHART_REPOSITORY: {KINDS}",
        )
    return parse_address(url, project.origins["chart_repository"])


def open_repository(
    project: Project,
    address: Address,
    remember: Remember,
    pause: Pause = time.sleep,
    environ: Mapping[str, str] = os.environ,
) -> ChartRepository:
    """The repository at an address; nothing is asked of it yet.

    `remember` hears of every password before it is used, `pause` waits some seconds between tries.
    """
    if address.kind is not Kind.OCI:
        return open_indexed(project, address, pause, environ)
    from dogctl.chartrepos.oci import OciCharts
    from dogctl.registries.oci_content import OciContent

    host = registry_of(address)
    registry = OciContent(host, lambda: login_for(project, host, remember), pause=pause)
    return OciCharts(address.url, registry, address.folder)


def open_indexed(
    project: Project,
    address: Address,
    pause: Pause = time.sleep,
    environ: Mapping[str, str] = os.environ,
) -> Indexed:
    """The same for one that is no registry."""
    match address.kind:
        case Kind.PAGES:
            from dogctl.chartrepos.pages import Pages

            return Pages(
                address.url,
                address.place,
                address.branch,
                address.folder,
                _token(project, address.place, environ),
                pause,
            )
        case Kind.S3:
            from dogctl.chartrepos import s3
            from dogctl.clouds import aws

            return s3.repository(address.place, address.folder, aws.region_of(None), pause)
        case Kind.GCS:
            from dogctl.chartrepos import gcs
            from dogctl.lifecycle.infra.buckets import account, google_project

            who, whose = account(project), google_project(project)
            return gcs.repository(address.place, address.folder, who, whose, pause)
        case Kind.OCI:
            raise AssertionError("a registry has no index")


def registry_of(address: Address) -> str:
    """The host of a registry: Helm knows Docker Hub by its address, and logins are for its name."""
    return ImageRef.parse(f"{address.place}/any/chart").registry


def wanted(repository: ChartRepository, name: str, version: str | None) -> Entry:
    """The version that is asked for, or else the newest release. Raises DogctlError: none is."""
    if version is not None:
        found = repository.find(name, version)
    else:
        found = newest(repository.listing(name).versions)
    if found is None:
        raise DogctlError(
            f"there is no {name}{f' {version}' if version else ''} in the chart repository",
            code=NO_VERSION,
            where=repository.url,
            hint=f"dogctl chart list {name}",
        )
    return found


def newest(entries: Sequence[Entry]) -> Entry | None:
    """The newest release; where there is none, the newest that is there."""
    released = [each for each in entries if not is_prerelease(each.version)]
    return max(released or entries, key=lambda each: precedence(each.version), default=None)


def _token(project: Project, remote: str, environ: Mapping[str, str]) -> Secret | None:
    """GitHub's token, for GitHub only; other servers know the logins that git has itself."""
    parts = urlsplit(remote)
    own = (environ.get(GITHUB) or "https://github.com").rstrip("/")
    return project.settings.github_token if f"{parts.scheme}://{parts.netloc}" == own else None
