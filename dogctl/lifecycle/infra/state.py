"""Where Terraform's state is: in a bucket at Amazon or Google, or on this machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.errors import ConfigError, DogctlError
from dogctl.tools.terraform.causes import BAD_PLAN

if TYPE_CHECKING:
    from dogctl.config.model import Project

LOCAL = "local"
# What users set for another store that speaks S3:
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_STS_ENDPOINTS = ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL")


class Store(StrEnum):
    """What keeps a state."""

    S3 = "s3"
    GCS = "gs"
    LOCAL = "local"


@dataclass(frozen=True)
class State:
    """The place of one environment's state.

    Args:
        bucket, folder: of the state, both empty for one on this machine.
        name: what is in the folder for this app and environment.
        table: DynamoDB's table that locks it; without it S3 does.
        path: the file of a state on this machine.
    """

    store: Store
    bucket: str
    folder: str
    name: str
    table: str | None
    region: str | None
    path: Path

    @property
    def key(self) -> str:
        """Where it is in the bucket, without an ending."""
        return self._in(self.name)

    @property
    def shown(self) -> str:
        """As people know it."""
        if self.store is Store.LOCAL:
            return str(self.path)
        return f"{self.store}://{self.bucket}/{self.key}"

    def plan_key(self, sha256: str) -> str:
        """Where an approved plan is kept in the bucket."""
        return self._in(f"plans/{sha256}")

    def backend(self, environ: Mapping[str, str]) -> Mapping[str, Any]:
        """What Terraform is told of it.

        https://developer.hashicorp.com/terraform/language/backend/s3
        https://developer.hashicorp.com/terraform/language/backend/gcs
        """
        match self.store:
            case Store.S3:
                return {"s3": self._s3(environ)}
            case Store.GCS:
                return {"gcs": {"bucket": self.bucket, "prefix": self.key}}
            case Store.LOCAL:
                return {"local": {"path": str(self.path)}}

    def check_plan(self, plan: Path) -> None:
        """Raise DogctlError if that is no plan, or one that was made for another state.

        Terraform applies a plan to the state that it was made for, whatever the configuration says.
        """
        marks = self._marks()
        try:
            with zipfile.ZipFile(io.BytesIO(plan.read_bytes())) as parts:
                made_for = parts.read("tfplan")
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise DogctlError(
                f"this is no plan of Terraform's: {error}",
                code=BAD_PLAN,
                where=str(plan),
                hint="dogctl infra plan makes one",
            ) from None
        if not all(map(made_for.__contains__, map(_packed, marks))):
            raise DogctlError(
                "this plan was made for another state",
                code=BAD_PLAN,
                where=str(plan),
                hint=f"name the environment that it was made for; this one's is {self.shown}",
            )

    def _marks(self) -> tuple[str, ...]:
        """What a plan for this state says of its place, and no other plan does."""
        match self.store:
            case Store.S3:
                return self.bucket, f"{self.key}.tfstate"
            case Store.GCS:
                return self.bucket, self.key
            case Store.LOCAL:
                return (str(self.path),)

    def _in(self, name: str) -> str:
        return f"{self.folder}/{name}" if self.folder else name

    def _s3(self, environ: Mapping[str, str]) -> dict[str, Any]:
        lock = {"dynamodb_table": self.table} if self.table else {"use_lockfile": True}
        region = {"region": self.region} if self.region else {}
        return {
            "bucket": self.bucket,
            "key": f"{self.key}.tfstate",
            "encrypt": True,
            **region,
            **lock,
            **_elsewhere(environ),
        }


def find_state(project: Project) -> State:
    """The place of the state of the project's environment. Raises ConfigError: none is set."""
    settings = project.settings
    if settings.state is None:
        raise ConfigError(
            "nothing says where Terraform's state is to be",
            code="no-state",
            where=f"pyproject.toml:tool.dogctl.env.{project.environment}.state",
            hint='add state = "s3://BUCKET/FOLDER" there, "gs://BUCKET/FOLDER" or "local"',
        )
    store, _, rest = settings.state.partition("://")
    bucket, _, folder = rest.partition("/")
    return State(
        Store(store),
        bucket,
        folder,
        f"{settings.name}/{project.environment}",
        settings.state_table,
        settings.state_region,
        # No cache: who loses it has lost track of all that is there.
        project.state / "infra-state" / f"{settings.name}-{project.environment}.tfstate",
    )


def _packed(text: str) -> bytes:
    """A text as a whole, as plans have it: https://github.com/msgpack/msgpack/blob/master/spec.md"""
    raw = text.encode()
    size = len(raw)
    if size < 32:
        return bytes([0xA0 | size]) + raw
    return (bytes([0xD9, size]) if size < 256 else b"\xda" + size.to_bytes(2, "big")) + raw


def _elsewhere(environ: Mapping[str, str]) -> dict[str, Any]:
    """What another store than Amazon's needs, and what it does not have."""
    if not any(environ.get(name) for name in S3_ENDPOINTS):
        return {}
    alone = not any(environ.get(name) for name in _STS_ENDPOINTS)
    names = ("skip_credentials_validation", "skip_requesting_account_id", "skip_region_validation")
    return {"use_path_style": True, **(dict.fromkeys(names, True) if alone else {})}
