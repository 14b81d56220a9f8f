"""hashicorp/aws, whose resources nobody but Terraform's state remembers.

https://registry.terraform.io/providers/hashicorp/aws/6.25.0/docs
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from tf.types import Unknown

from tests.testbed.terraform.stand_in.provider import Refused, State, Value

ACCOUNT = "123456789012"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
SENSITIVE: Mapping[str, frozenset[str]] = {"": frozenset({"access_key", "secret_key", "token"})}
# Attributes that are an id; all others have the name of what they are about.
IDENTITIES = ("bucket", "repository", "name")
FORCES = ("bucket", "name", "hash_key", "range_key", "repository")


class Amazon:
    """Every resource is made at once, and stays."""

    sensitive = SENSITIVE

    def __init__(self) -> None:
        self._config: State = {}

    def configure(self, config: State) -> None:
        """Take the settings; variables say the rest."""
        region = config.get("region") or next(filter(None, map(os.environ.get, REGIONS)), None)
        if region is None:
            raise Refused(
                "Invalid provider configuration",
                'Provider "registry.terraform.io/hashicorp/aws" requires explicit configuration.'
                " Add a provider block to the root module and configure the provider's required"
                " arguments as described in the provider documentation.",
            )
        self._config = {**config, "region": region}

    def defaults(self, kind: str) -> Mapping[str, Value]:
        """Those that something goes by."""
        return {"force_destroy": False} if kind == "aws_s3_bucket" else {}

    def computed(self, _kind: str) -> tuple[str, ...]:
        """Names that AWS gives where nobody else does."""
        return ("id", "arn", "region", "bucket")

    def force_new(self, _kind: str) -> tuple[str, ...]:
        """Names."""
        return FORCES

    def plan(self, _kind: str, _prior: State | None, planned: State, config: State) -> State:
        """With the tags of the provider's block."""
        if "tags_all" not in planned or config.get("tags") is Unknown:
            return planned
        shared = [each.get("tags") or {} for each in self._config.get("default_tags") or []]
        tags = {name: value for each in shared for name, value in each.items()}
        own = config.get("tags")
        return {**planned, "tags": own, "tags_all": {**tags, **(own or {})}}

    def create(self, kind: str, planned: State) -> State:
        """With an id and what follows from it."""
        identity = next(filter(None, map(planned.get, IDENTITIES)), kind)
        service, _, what = kind.removeprefix("aws_").partition("_")
        return {
            **planned,
            "id": identity,
            "region": self._config["region"],
            "arn": arn(service, what, str(identity), str(self._config["region"])),
        }

    def update(self, _kind: str, _prior: State, planned: State) -> State:
        """As planned."""
        return planned

    def delete(self, _kind: str, _prior: State) -> None:
        """Forgotten."""

    def read(self, _kind: str, state: State) -> State:
        """As it was made."""
        return state

    def data(self, kind: str, config: State) -> State:
        """Who asks, and where."""
        region = self._config["region"]
        match kind:
            case "aws_caller_identity":
                user = f"arn:aws:iam::{ACCOUNT}:user/provisioner"
                said = {"account_id": ACCOUNT, "arn": user, "user_id": "AIDACKCEVSQ6C2EXAMPLE"}
                return {**config, **said, "id": ACCOUNT}
            case "aws_region":
                return {**config, "id": region, "name": region, "region": region}
            case "aws_partition":
                return {**config, "id": "aws", "partition": "aws", "dns_suffix": "amazonaws.com"}
            case _:
                raise Refused(f"{kind} is not in this stand-in")


def arn(service: str, what: str, name: str, region: str) -> str:
    """A name for the whole world; those of buckets are short."""
    if service == "s3":
        return f"arn:aws:s3:::{name}"
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{what}/{name}"


def driver() -> Amazon:
    """The driver of this provider."""
    return Amazon()
