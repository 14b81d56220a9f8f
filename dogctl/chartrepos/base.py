"""What every chart repository does for dogctl."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import re
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote, unquote

from dogctl.chartrepos.index import Entry, entries, taken
from dogctl.errors import DogctlError

INDEX = "index.yaml"
# Longer than all of a big team's CI jobs take that publish at once.
TRIES = 60
BUSY = "chart-repository-busy"
NO_REPOSITORY = "no-chart-repository"
NO_VERSION = "no-such-chart-version"
CORRUPT = "chart-corrupt"
BAD_ARCHIVE = "bad-chart-archive"
UNSIGNED = "chart-not-signed"
# Bytes of an unpacked chart:
# https://github.com/helm/helm/blob/main/pkg/chart/loader/archive/archive.go
LARGEST = 100 << 20
# https://helm.sh/docs/chart_best_practices/conventions/#chart-names
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,249}")

# Waits some seconds, and may raise to give up.
Pause = Callable[[float], None]


@dataclass(frozen=True)
class Package:
    """A chart to publish.

    Args:
        metadata: what is in its Chart.yaml; its name and version are these.
        archive: the .tgz.
        provenance: the .prov that signs this very archive, if it is signed.
        created: when it is published, in ISO 8601.
    """

    name: str
    version: str
    metadata: Mapping[str, Any]
    archive: bytes
    created: str
    provenance: bytes | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the archive, as an index has it."""
        return sha256(self.archive)

    def chart(self) -> dict[str, Any]:
        """Its Chart.yaml."""
        return {**self.metadata, "name": self.name, "version": self.version}

    def entry(self) -> dict[str, Any]:
        """What an index says of it."""
        return {
            **self.chart(),
            "digest": self.digest,
            # Amazon's S3 takes a plus in an address for a space.
            "urls": [quote(file_name(self.name, self.version))],
            "created": self.created,
        }


@dataclass(frozen=True)
class Listing:
    """Versions of charts; `complete` where it is proven that there are no others."""

    versions: tuple[Entry, ...]
    complete: bool


@dataclass(frozen=True)
class Archive:
    """A file beside the index, whether the index names it or not.

    Args:
        key: its name, as `archive_key` has it.
        since: when it came there, or later; None if that is not known.
        size: its bytes; 0 if they are not known.
    """

    key: str
    since: datetime | None = None
    size: int = 0


class ChartRepository(Protocol):
    """One repository of charts; every method raises DogctlError."""

    @property
    def url(self) -> str: ...

    def listing(self, name: str | None = None) -> Listing:
        """The versions of one chart, or of all."""
        ...

    def find(self, name: str, version: str) -> Entry | None:
        """One version; None if it is not published."""
        ...

    def publish(self, package: Package) -> bool:
        """Add a version; False if the same chart was published under it already.

        Whoever was stopped between its archive and the index calls it again, and it goes on.
        Raises DogctlError (version-taken): another chart has this version.
        """
        ...

    def pull(self, entry: Entry) -> bytes:
        """The archive of a version, which is what its digest says."""
        ...

    def provenance(self, entry: Entry) -> bytes | None:
        """What signs the archive; None if it is not signed."""
        ...


class Indexed(ChartRepository, Protocol):
    """One whose archives lie beside an index."""

    @property
    def cache(self) -> float:
        """Seconds for which readers may still be shown an index that was changed."""
        ...

    def archives(self, name: str) -> tuple[Archive, ...]:
        """The archives beside the index whose names begin with that of a chart."""
        ...

    def remove(self, name: str, versions: Collection[str]) -> tuple[Entry, ...]:
        """Take versions out of the index: answers those that were in it. Archives stay."""
        ...

    def delete_archives(self, entries: Collection[Entry]) -> tuple[Entry, ...]:
        """Delete the archives of versions that are in no index: answers those that are gone."""
        ...


def sha256(content: bytes) -> str:
    """The SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def file_name(name: str, version: str) -> str:
    """What an archive is called."""
    return f"{name}-{version}.tgz"


def archive_key(entry: Entry) -> str:
    """The name of an archive where the index is.

    An absolute address ends with it, since Helm and its kin put both in one place. Raises
    DogctlError: it lies elsewhere.
    """
    url = entry.urls[0] if entry.urls else file_name(entry.name, entry.version)
    key = unquote(url.rpartition("/")[2] if "://" in url else url.removeprefix("./"))
    if not re.fullmatch(r"(?:[A-Za-z0-9][A-Za-z0-9._+-]*/)*[A-Za-z0-9][A-Za-z0-9._+-]*", key):
        raise DogctlError(
            f"the archive of {entry.name} {entry.version} is not beside the index: {url}",
            code=CORRUPT,
            where=INDEX,
        )
    return key


def checked(entry: Entry, archive: bytes | None) -> bytes:
    """The archive, if it is the one that was published. Raises DogctlError."""
    if archive is None:
        raise DogctlError(
            f"the archive of {entry.name} {entry.version} is gone", code=CORRUPT, where=INDEX
        )
    if entry.digest and entry.digest.removeprefix("sha256:") != sha256(archive):
        raise DogctlError(
            f"the archive of {entry.name} {entry.version} is not the one that was published",
            code=CORRUPT,
            where=archive_key(entry),
            hint="do not use it, and find out who has changed it",
        )
    return archive


def adopted(
    package: Package, left: bytes | None, is_signed: Callable[[], bool] = lambda: False
) -> Package:
    """The package with the archive that is there already and that no index names yet.

    Somebody was stopped before the index, or is about to write it: one archive is in both then.
    `is_signed`: whether that archive has a provenance.

    Raises DogctlError (version-taken): it is another chart; or it is not signed, and ours is.
    """
    if left is None or left == package.archive:
        return package
    if not same_chart(left, package.archive):
        raise taken(package.name, package.version)
    if package.provenance is not None and not is_signed():
        raise DogctlError(
            f"an archive of {package.name} {package.version} is there already, and is not signed",
            code=UNSIGNED,
            where=file_name(package.name, package.version),
            hint="no index names it: delete it there, and publish again; or leave --sign out",
        )
    return replace(package, archive=left, provenance=None)


def is_published(index: str, package: Package, read: Callable[[str], bytes | None]) -> bool:
    """Whether an index has this very chart; `read` gives archives by name.

    Raises DogctlError (version-taken): it has another one under this version.
    """
    known = only(entries(index, package.name), package.version)
    return known is not None and is_same(known, package, lambda: read(archive_key(known)))


def only(entries: Collection[Entry], version: str) -> Entry | None:
    """The one of that version among those of a chart."""
    return next((each for each in entries if each.version == version), None)


def is_same(known: Entry, package: Package, read: Callable[[], bytes | None]) -> bool:
    """True: what is published as this version is this very chart; `read` gives its archive.

    Raises DogctlError (version-taken): it is another one.
    """
    if known.digest != package.digest:
        found = read()
        if found is None or not same_chart(found, package.archive):
            raise taken(package.name, package.version)
    return True


def moment() -> str:
    """Now, as an index has it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def same_chart(one: bytes, other: bytes) -> bool:
    """Whether two archives hold the same files, whenever and by whomever they were packed."""
    return one == other or _files(one) == _files(other)


def normalised(archive: bytes) -> bytes:
    """The archive with nothing in it but names and contents, so that packing again makes the same.

    Raises DogctlError: it is no archive, or holds more than files.
    """
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.GNU_FORMAT) as made:
        for name, content in _files(archive).items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            made.addfile(member, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)


def _files(archive: bytes) -> dict[str, bytes]:
    """All files; the chart's own Chart.yaml comes first, as Helm reads faster then."""
    found: dict[str, bytes] = {}
    try:
        with gzip.open(io.BytesIO(archive)) as packed:
            content = packed.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise _bad(f"more than {LARGEST >> 20} MB are in it, and Helm takes no more")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for member in tar:
                parts = member.name.split("/")
                if member.isdir():
                    continue
                file = tar.extractfile(member) if member.isfile() else None
                if file is None or member.name.startswith("/") or ".." in parts:
                    raise _bad(f"{member.name!r} has no place in it")
                found[member.name] = file.read()
    except (tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise _bad(str(error)) from None
    return dict(sorted(found.items(), key=lambda item: (item[0].count("/"), item[0])))


def chart_file(archive: bytes) -> bytes:
    """The Chart.yaml in an archive. Raises DogctlError."""
    for name, content in _files(archive).items():
        if re.fullmatch(r"[^/]+/Chart\.yaml", name):
            return content
    raise _bad("it has no Chart.yaml")


def tries(url: str, pause: Pause) -> Iterator[int]:
    """Numbers of tries with pauses between them. Raises DogctlError after the last."""
    for number in range(TRIES):
        yield number
        # The others wait as well: whoever comes back at another time than they succeeds.
        pause(random.uniform(0.05, min(0.2 * 1.5**number, 3.0)))  # noqa: S311  (no secret)
    raise DogctlError(
        "others change the chart repository all the time",
        code=BUSY,
        where=url,
        hint="run the command again",
    )


def _bad(why: str) -> DogctlError:
    return DogctlError(
        f"this is no chart's archive: {why}",
        code=BAD_ARCHIVE,
        hint="dogctl chart package makes one",
    )
