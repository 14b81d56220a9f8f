"""A bucket for states at Amazon, and a table for their locks, as they should be.

https://developer.hashicorp.com/terraform/language/backend/s3
https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dogctl.clouds.aws import client, code, refusals
from dogctl.clouds.properties import Property
from dogctl.errors import DogctlError

TAKEN = "bucket-taken"
WRONG_TABLE = "wrong-table"
LOCK_KEY = "LockID"
# The oldest region has no name for itself when a bucket is made.
_FIRST_REGION = "us-east-1"
_PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_UNSET = frozenset(
    (
        *("NoSuchTagSet", "NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration"),
        *("ServerSideEncryptionConfigurationNotFoundError", "ResourceNotFoundException"),
    )
)


@dataclass
class StateBucket:
    """The bucket."""

    name: str
    region: str | None
    tags: Mapping[str, str]

    def properties(self) -> Iterator[Property]:
        """All that is to be true of it; the first one is that it is there."""
        yield Property("bucket", f"make the bucket s3://{self.name}", self._is_there, self._make)
        yield self._is("versioning", "keep the states of before", self._versioned)
        yield self._is("encryption", "let the store encrypt what is in it", self._encrypted)
        yield self._is("privacy", "let nobody make anything in it public", self._private)
        # What is reached without TLS would be shut by that.
        if self._s3.meta.endpoint_url.startswith("https://"):
            yield self._is("transport", "refuse whoever comes without TLS", self._tls_only)
        yield self._is("tags", "tag it", self._tagged)

    @cached_property
    def _s3(self) -> Any:
        with refusals(self._where):
            return client("s3", self.region)

    @property
    def _where(self) -> str:
        return f"s3://{self.name}"

    def _is(
        self, name: str, change: str, look: Callable[[], Callable[[], object] | None]
    ) -> Property:
        """A property of which `look` answers what there is to do, or None."""

        def is_so() -> bool:
            with refusals(self._where):
                return look() is None

        def make_so() -> None:
            with refusals(self._where):
                if todo := look():
                    todo()

        return Property(name, change, is_so, make_so)

    def _is_there(self) -> bool:
        from botocore.exceptions import ClientError

        with refusals(self._where):
            try:
                self._s3.head_bucket(Bucket=self.name)
            except ClientError as error:
                if code(error) in ("404", "NoSuchBucket"):
                    return False
                if code(error) == "403":
                    raise _taken(self._where) from None
                raise
        return True

    def _make(self) -> None:
        from botocore.exceptions import ClientError

        region = self._s3.meta.region_name
        place = {"LocationConstraint": region} if region != _FIRST_REGION else {}
        options = {"CreateBucketConfiguration": place} if place else {}
        with refusals(self._where):
            try:
                self._s3.create_bucket(Bucket=self.name, **options)
            except ClientError as error:
                if code(error) == "BucketAlreadyExists":
                    raise _taken(self._where) from None
                if code(error) != "BucketAlreadyOwnedByYou":  # another run was first
                    raise

    def _versioned(self) -> Callable[[], object] | None:
        if self._s3.get_bucket_versioning(Bucket=self.name).get("Status") == "Enabled":
            return None
        return lambda: self._s3.put_bucket_versioning(
            Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
        )

    def _encrypted(self) -> Callable[[], object] | None:
        if _or_none(lambda: self._s3.get_bucket_encryption(Bucket=self.name)):
            return None
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        return lambda: self._s3.put_bucket_encryption(
            Bucket=self.name, ServerSideEncryptionConfiguration={"Rules": [rule]}
        )

    def _private(self) -> Callable[[], object] | None:
        found = _or_none(lambda: self._s3.get_public_access_block(Bucket=self.name)) or {}
        if found.get("PublicAccessBlockConfiguration") == _PRIVATE:
            return None
        return lambda: self._s3.put_public_access_block(
            Bucket=self.name, PublicAccessBlockConfiguration=_PRIVATE
        )

    def _tls_only(self) -> Callable[[], object] | None:
        found = _or_none(lambda: self._s3.get_bucket_policy(Bucket=self.name))
        policy = json.loads(found["Policy"]) if found else {"Version": "2012-10-17"}
        statements = policy.get("Statement", [])
        if any(map(_refuses_plain, statements)):
            return None
        arn = f"arn:aws:s3:::{self.name}"
        ours = {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        new = json.dumps({**policy, "Statement": [*statements, ours]})
        return lambda: self._s3.put_bucket_policy(Bucket=self.name, Policy=new)

    def _tagged(self) -> Callable[[], object] | None:
        found = _or_none(lambda: self._s3.get_bucket_tagging(Bucket=self.name)) or {}
        tags = {each["Key"]: each["Value"] for each in found.get("TagSet", ())}
        if self.tags.keys() <= tags.keys():
            return None
        new = [{"Key": key, "Value": value} for key, value in {**self.tags, **tags}.items()]
        return lambda: self._s3.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": new})


@dataclass
class LockTable:
    """The table of locks."""

    name: str
    region: str | None
    tags: Mapping[str, str]

    def properties(self) -> Iterator[Property]:
        """All that is to be true of it; the first one is that it is there."""
        yield Property("table", f"make the table {self.name}", self._is_there, self._make)
        yield Property(
            "table-protection", "protect it from deletion", self._is_protected, self._protect
        )
        yield Property("table-backups", "keep the past of it", self._is_backed_up, self._back_up)

    @cached_property
    def _dynamodb(self) -> Any:
        with refusals(self.name):
            return client("dynamodb", self.region)

    def _found(self) -> Mapping[str, Any] | None:
        found = _or_none(lambda: self._dynamodb.describe_table(TableName=self.name))
        return found["Table"] if found else None

    def _is_there(self) -> bool:
        with refusals(self.name):
            found = self._found()
        if found is None:
            return False
        keys = [each["AttributeName"] for each in found["KeySchema"]]
        if keys != [LOCK_KEY]:
            raise DogctlError(
                f"this table is no table of locks: its key is {', '.join(keys)}, not {LOCK_KEY}",
                code=WRONG_TABLE,
                where=self.name,
                hint="name another one in the setting state-table",
            )
        return bool(found["TableStatus"] == "ACTIVE")

    def _make(self) -> None:
        from botocore.exceptions import ClientError

        with refusals(self.name):
            try:
                self._dynamodb.create_table(
                    TableName=self.name,
                    KeySchema=[{"AttributeName": LOCK_KEY, "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": LOCK_KEY, "AttributeType": "S"}],
                    BillingMode="PAY_PER_REQUEST",
                    Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
                )
            except ClientError as error:
                if code(error) != "ResourceInUseException":  # another run was first
                    raise
            self._dynamodb.get_waiter("table_exists").wait(
                TableName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
            )

    def _is_protected(self) -> bool:
        with refusals(self.name):
            return bool((self._found() or {}).get("DeletionProtectionEnabled"))

    def _protect(self) -> None:
        with refusals(self.name):
            self._dynamodb.update_table(TableName=self.name, DeletionProtectionEnabled=True)

    def _is_backed_up(self) -> bool:
        with refusals(self.name):
            found = self._dynamodb.describe_continuous_backups(TableName=self.name)
        past = found["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        return bool(past.get("PointInTimeRecoveryStatus") == "ENABLED")

    def _back_up(self) -> None:
        with refusals(self.name):
            self._dynamodb.update_continuous_backups(
                TableName=self.name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )


def _refuses_plain(statement: Mapping[str, Any]) -> bool:
    asked = (statement.get("Condition") or {}).get("Bool") or {}
    plain = str(asked.get("aws:SecureTransport", "")).lower() == "false"
    return bool(statement.get("Effect") == "Deny" and plain)


def _or_none(ask: Callable[[], Any]) -> Any:
    """The answer; None where it is that nothing of the kind is set."""
    from botocore.exceptions import ClientError

    try:
        return ask()
    except ClientError as error:
        if code(error) in _UNSET:
            return None
        raise


def _taken(where: str) -> DogctlError:
    return DogctlError(
        "this bucket belongs to somebody else, or we may not look at it",
        code=TAKEN,
        where=where,
        hint="take another name in the setting state: the names of buckets are unique in the world",
    )
