"""The one file that is approved: what exactly a deploy will do, and until when that is good.

It holds no secret. The real plan of Terraform's does, and stays where the state is; the file has
its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dogctl.config.hooks import parse_stages
from dogctl.errors import ConfigError, DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.approved_changes import unapproved
from dogctl.lifecycle.deploy.plan_file import draft
from dogctl.lifecycle.release_diff import Change

if TYPE_CHECKING:
    from dogctl.config.model import Project

FORMAT = 2
AGAIN = "dogctl deploy --plan-out FILE plans anew"


@dataclass(frozen=True)
class Approval:
    """What is approved.

    Args:
        project, environment: where it is deployed.
        place: the cluster, namespace and release that this is.
        created, expires: when it was planned, and until when it may be carried out; ISO 8601, UTC.
        by: who planned it.
        commit: what was checked out.
        built_from: what the image was built from, which is another commit after a promotion.
        image: the image, with its digest.
        skip: the steps that are left out.
        inputs: the hash of the chart's files and values.
        revision: the last revision of the release, 0 if there is none yet.
        release: what the release changes; None if there is no cluster to ask yet.
        infra: what Terraform changes, and the hash of its plan; None without infrastructure.
        run: the address of the CI run.
        publish: the chart that is published, and where; None if none is.
        prune: what may go of old images and charts; None if nothing is pruned.
    """

    project: str
    environment: str
    place: str
    created: str
    expires: str
    by: str
    commit: str | None
    built_from: str | None
    image: str
    skip: list[str]
    inputs: str
    revision: int
    release: list[dict[str, Any]] | None
    infra: dict[str, Any] | None
    run: str | None = None
    publish: str | None = None
    prune: str | None = None

    def text(self) -> str:
        """The file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the file. Raises ValueError, TypeError or KeyError."""
        data = json.loads(text)
        if data.pop("format") != FORMAT:
            raise ValueError("made by another version of dogctl")
        parse_stages(data["skip"])
        return cls(**data)

    @property
    def ref(self) -> ImageRef:
        return ImageRef.parse(self.image)


def place(project: Project) -> str:
    """Where a deploy goes, as far as settings say: variables may name another place each time."""
    settings = project.settings
    release = settings.release or settings.name
    namespace = settings.namespace or settings.prometheus_namespace or release
    account = settings.project_id or settings.gcp_project
    found = (settings.target, account, settings.region, settings.context, settings.cluster)
    return " ".join(filter(None, (*found, settings.pin, f"{namespace}/{release}")))


def expiry(hours: float, now: datetime | None = None) -> tuple[str, str]:
    """Now, and so many hours later, in ISO 8601."""
    now = now or datetime.now(UTC)
    times = (now, now + timedelta(hours=hours))
    began, ends = (each.isoformat(timespec="seconds") for each in times)
    return began, ends


def write(path: Path, approval: Approval) -> str:
    """Write the file, whole or not at all; answers its hash. Raises OSError."""
    content = approval.text().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = draft(path)
    new.write_bytes(content)
    new.replace(path)
    return hashlib.sha256(content).hexdigest()


def read(path: Path, sha256: str) -> Approval:
    """The file that was approved, if it is just that. Raises ConfigError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read it: {error.strerror}", code="no-approval", where=str(path), hint=AGAIN
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != plain_hash(sha256):
        raise ConfigError(
            f"this is not the file that was approved: its hash is {found}",
            code="wrong-approval",
            where=str(path),
            hint=AGAIN,
        )
    try:
        return Approval.parse(content.decode())
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"this is no plan of a deploy: {error}",
            code="wrong-approval",
            where=str(path),
            hint=AGAIN,
        ) from None


def plain_hash(sha256: str) -> str:
    """A SHA-256 as we write it, however somebody else does."""
    return sha256.strip().lower().removeprefix("sha256:")


def check(
    approval: Approval,
    *,
    project: str,
    environment: str,
    place: str,
    commit: str | None,
    inputs: str,
    publish: str | None = None,
    prune: str | None = None,
    now: datetime | None = None,
) -> None:
    """Raise ConfigError with all that is not as it was approved."""
    now = now or datetime.now(UTC)
    pairs = (
        ("the project", approval.project, project),
        ("the environment", approval.environment, environment),
        ("where that is", approval.place, place),
        ("the commit", approval.commit, commit),
        ("the chart or its values", approval.inputs, inputs),
        ("what is published", approval.publish, publish),
        ("what is pruned", approval.prune, prune),
    )
    changed = [f"{what}: approved {was}, now {is_}" for what, was, is_ in pairs if was != is_]
    if changed:
        raise ConfigError(
            "this is not what was approved",
            code="changed-since",
            where=", ".join(line.partition(":")[0] for line in changed),
            hint=f"check out what was approved, or {AGAIN}",
            detail=tuple(changed),
        )
    if now > datetime.fromisoformat(approval.expires):
        raise ConfigError(
            f"the approval was good until {approval.expires}",
            code="approval-expired",
            where=approval.created,
            hint=AGAIN,
        )


def check_release(
    approval: Approval,
    sha256: str,
    redact: Callable[[Any], Any],
    found: Iterable[Change],
    approvals: Mapping[int, str | None],
) -> None:
    """Raise DogctlError if a release would change what was not approved.

    Less is fine: a run that died has done its part already.

    Args:
        sha256: the approval's own hash.
        redact: masks secrets in data, as it was done in what was approved.
        found: what would change.
        approvals: the hash of the approval that each revision came from, by its number.
    """
    others = [n for n, each in approvals.items() if n > approval.revision and each != sha256]
    if others:
        raise DogctlError(
            f"somebody else has changed the release since this was approved: revision {others[-1]}",
            code="changed-since",
            where=approval.place,
            hint=f"dogctl history shows who; {AGAIN}",
        )
    if approval.release is not None:
        check_changes(approval.release, found, redact)


def check_changes(
    approved: Sequence[Mapping[str, Any]],
    found: Iterable[Change],
    redact: Callable[[Any], Any] = lambda data: data,
) -> None:
    """Raise DogctlError if something would change that is not in the list, or in another way."""
    if others := unapproved(approved, found, redact):
        raise DogctlError(
            f"the cluster has changed since this was approved: {len(others)} objects would change"
            " in another way",
            code="changed-since",
            where=others[0].title,
            hint=AGAIN,
            detail=tuple(line for each in others for line in each.lines()),
        )
