"""Which kind of chart repository a URL is of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from dogctl.chartrepos.pages import BRANCH
from dogctl.errors import ConfigError

KINDS = (
    "s3://BUCKET/FOLDER, gs://BUCKET/FOLDER, oci://HOST/PATH, https://OWNER.github.io/REPOSITORY"
    " or git+https://HOST/REPOSITORY.git#BRANCH:FOLDER"
)
# https://docs.github.com/en/pages/getting-started-with-github-pages/what-is-github-pages
_GITHUB_PAGES = re.compile(r"https://([a-z0-9-]+)\.github\.io(?:/([A-Za-z0-9._-]+)(?:/(.+))?)?")


class Kind(StrEnum):
    PAGES = "pages"
    S3 = "s3"
    GCS = "gcs"
    OCI = "oci"


@dataclass(frozen=True)
class Address:
    """Where a chart repository is.

    Args:
        url: as the user has it.
        place: the bucket, the registry's host, or the git repository's own URL.
        folder: where in it; empty for its root.
        branch: of a git repository.
    """

    kind: Kind
    url: str
    place: str
    folder: str = ""
    branch: str = BRANCH


def parse_address(url: str, where: str) -> Address:
    """Read a URL. Raises ConfigError: it is of no kind that charts can be published to.

    `where` is the setting or flag that gives it.
    """
    found = _parsed(url.rstrip("/"))
    if found is None or ".." in found.folder.split("/") or found.branch.startswith("-"):
        raise ConfigError(
            f"{url} is no chart repository that dogctl can write to",
            code="bad-chart-repository",
            where=where,
            hint=f"give one like {KINDS}",
        )
    return found


def _parsed(url: str) -> Address | None:
    if pages := _GITHUB_PAGES.fullmatch(url):
        owner, repository, folder = pages.groups()
        # The pages of a user or team as a whole are in a repository that is called like them.
        remote = f"https://github.com/{owner}/{repository or f'{owner}.github.io'}.git"
        return Address(Kind.PAGES, url, remote, folder or "")
    if url.startswith("git+"):
        remote, _, inside = url.removeprefix("git+").partition("#")
        branch, _, folder = inside.partition(":")
        return Address(Kind.PAGES, url, remote, folder.strip("/"), branch or BRANCH)
    parts = urlsplit(url)
    kinds = {"s3": Kind.S3, "gs": Kind.GCS, "oci": Kind.OCI}
    if parts.scheme not in kinds or not parts.netloc or parts.query or parts.fragment:
        return None
    return Address(kinds[parts.scheme], url, parts.netloc, parts.path.strip("/"))
