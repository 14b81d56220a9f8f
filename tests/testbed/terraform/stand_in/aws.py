"""hashicorp/aws: buckets and tables, made where AWS_ENDPOINT_URL leads.

https://registry.terraform.io/providers/hashicorp/aws/6.25.0/docs
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from tf.types import Unknown

from tests.testbed.terraform.stand_in import aws_kinds
from tests.testbed.terraform.stand_in.aws_kinds import BUCKET, TABLE
from tests.testbed.terraform.stand_in.driver import Refused, State, Value

ACCOUNT = "123456789012"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
NO_REGION = (
    'Provider "registry.terraform.io/hashicorp/aws" requires explicit configuration. Add a provider'
    " block to the root module and configure the provider's required arguments as described in the"
    " provider documentation."
)
SENSITIVE: Mapping[str, frozenset[str]] = {"": frozenset({"access_key", "secret_key", "token"})}
# In errors.
TITLES = {"s3": "S3", "dynamodb": "DynamoDB"}


class Amazon:
    """Resources in a region."""

    sensitive = SENSITIVE

    def __init__(self) -> None:
        self._config: State = {}

    def configure(self, config: State) -> None:
        """Take the settings; variables say the rest. Raises Refused where nobody says a region."""
        region = config.get("region") or next(filter(None, map(os.environ.get, REGIONS)), None)
        if region is None:
            raise Refused("Invalid provider configuration", NO_REGION)
        self._config = {**config, "region": region}

    def defaults(self, kind: str) -> Mapping[str, Value]:
        """Those of the provider."""
        return aws_kinds.DEFAULTS.get(kind, {})

    def computed(self, _kind: str) -> tuple[str, ...]:
        """What AWS gives where nobody else does."""
        return ("id", "arn", "region")

    def force_new(self, _kind: str) -> tuple[str, ...]:
        """Names and keys."""
        return ("bucket", "name", "hash_key", "range_key")

    def plan(self, _kind: str, _prior: State | None, planned: State, config: State) -> State:
        """With the tags of the provider's block."""
        if "tags_all" not in planned:
            return planned
        own = config.get("tags")
        return {**planned, "tags": own, "tags_all": own if own is Unknown else self._tags(own)}

    def create(self, kind: str, planned: State) -> State:
        """Make it."""
        return self._put("creating", kind, planned, aws_kinds.CREATE)

    def update(self, kind: str, _prior: State, planned: State) -> State:
        """Change it."""
        return self._put("updating", kind, planned, aws_kinds.UPDATE)

    def delete(self, kind: str, prior: State) -> None:
        """Remove it; what is gone already is gone."""
        if self.read(kind, prior) is not None:
            with self._asking("deleting", kind, prior) as client:
                aws_kinds.DELETE[kind](client, prior)

    def read(self, kind: str, state: State) -> State | None:
        """Whether the bucket or the table is there, and all else as it was made."""
        with self._asking("reading", kind, state) as client:
            there = aws_kinds.THERE[service_of(kind)]
            return state if there(client, state["id"]) else None

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

    def _put(
        self, verb: str, kind: str, planned: State, actions: Mapping[str, Callable[..., None]]
    ) -> State:
        whole = {**planned, "region": planned.get("region") or self._config["region"]}
        with self._asking(verb, kind, whole) as client:
            actions[kind](client, whole)
        name = planned.get("bucket") or planned.get("name")
        return {**whole, "id": name, **self._names(kind, str(name), whole["region"])}

    def _names(self, kind: str, name: str, region: str) -> State:
        if kind == BUCKET:
            host = f"{name}.s3.{region}.amazonaws.com"
            plain = f"{name}.s3.amazonaws.com"
            names = {"bucket_regional_domain_name": host, "bucket_domain_name": plain}
            return {"arn": f"arn:aws:s3:::{name}", **names}
        if kind == TABLE:
            return {"arn": f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name}"}
        return {}

    def _tags(self, own: Value) -> State:
        shared = [each.get("tags") or {} for each in self._config.get("default_tags") or []]
        return {name: value for each in [*shared, own or {}] for name, value in each.items()}

    @contextmanager
    def _asking(self, verb: str, kind: str, state: State) -> Iterator[Any]:
        """A client. Raises Refused, as the provider and Amazon's library for Go word it."""
        service = service_of(kind)
        if kind not in aws_kinds.CREATE:
            raise Refused(f"{kind} is not in this stand-in")
        if not os.environ.get("AWS_ENDPOINT_URL"):
            raise Refused("this machine has no way to AWS: AWS_ENDPOINT_URL leads to none")
        words = kind.split("_")[2:]
        what = " ".join([TITLES[service], *map(str.title, words)])
        said = f"{verb} {what} ({state.get('bucket') or state.get('name')})"
        try:
            yield client(service, self._config["region"])
        except ClientError as error:
            code, known = (
                error.response["ResponseMetadata"]["HTTPStatusCode"],
                error.response["Error"],
            )
            raise Refused(
                f"{said}: operation error {TITLES[service]}: {error.operation_name}, https response"
                f" error StatusCode: {code}, api error {known['Code']}: {known['Message']}"
            ) from error
        except BotoCoreError as error:
            raise Refused(f"{said}: {error}") from error


@cache
def client(service: str, region: str) -> Any:
    """A client, for which a bucket has no host name of its own."""
    # Most runs of a provider only plan, and this takes longer than all the rest.
    import boto3
    from botocore.config import Config

    paths = Config(s3={"addressing_style": "path"})
    return boto3.client(service, region_name=region, config=paths)


def service_of(kind: str) -> str:
    """`s3` for `aws_s3_bucket_policy`."""
    return kind.split("_")[1]


def driver() -> Amazon:
    """The driver of this provider."""
    return Amazon()
