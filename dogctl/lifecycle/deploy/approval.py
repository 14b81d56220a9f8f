"""The one file that is approved: what exactly a deploy will do, and until when that is good.

It holds no secret. The real plan of Terraform's does, and stays where the state is; the file has its
hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from dogctl.errors import ConfigError, DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.release_diff import Change

FORMAT = 1
AGAIN = "dogctl deploy --plan-out FILE plans anew"


@dataclass(frozen=True)
class Approval:
    """What is approved.

    Args:
        project, environment: where it is deployed.
        created, expires: when it was planned, and until when it may be carried out; ISO 8601, UTC.
        by: who planned it.
        commit: what was checked out.
        image: the image, with its digest.
        inputs: the hash of the chart's files and values.
        release: what the release changes; None if there is no cluster to ask yet.
        infra: what Terraform changes, and the hash of its plan; None without infrastructure.
        run: the address of the CI run.
    """

    project: str
    environment: str
    created: str
    expires: str
    by: str
    commit: str | None
    image: str
    inputs: str
    release: list[dict[str, Any]] | None
    infra: dict[str, Any] | None
    run: str | None = None

    def text(self) -> str:
        """The file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the file. Raises ValueError, TypeError or KeyError."""
        data = json.loads(text)
        if data.pop("format") != FORMAT:
            raise ValueError("made by another version of dogctl")
        return cls(**data)

    @property
    def ref(self) -> ImageRef:
        return ImageRef.parse(self.image)


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
    new = path.with_name(f".{path.name}.new")
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
    if found != sha256.lower().removeprefix("sha256:"):
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


def check(
    approval: Approval,
    *,
    project: str,
    environment: str,
    commit: str | None,
    inputs: str,
    now: datetime | None = None,
) -> None:
    """Raise ConfigError with all that is not as it was approved."""
    now = now or datetime.now(UTC)
    pairs = (
        ("the project", approval.project, project),
        ("the environment", approval.environment, environment),
        ("the commit", approval.commit, commit),
        ("the chart or its values", approval.inputs, inputs),
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


def check_changes(approved: Sequence[Mapping[str, Any]], found: Iterable[Change]) -> None:
    """Raise DogctlError if a release would change what was not approved.

    Less is fine: a run that died has done its part already.
    """
    known = [_plain(each) for each in approved]
    others = [each for each in found if _plain(each.data()) not in known]
    if others:
        raise DogctlError(
            f"the cluster has changed since this was approved: {len(others)} objects would change"
            " in another way",
            code="changed-since",
            where=others[0].title,
            hint=AGAIN,
            detail=tuple(line for each in others for line in each.lines()),
        )


def _plain(change: Mapping[str, Any]) -> Any:
    """As it is once it was written and read."""
    return json.loads(json.dumps(change))
