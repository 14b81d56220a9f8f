"""What the resources of hashicorp/aws do at S3 and DynamoDB, each with a client and its arguments.

https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.testbed.terraform.stand_in.driver import State

Client = Any
Action = Callable[[Client, State], None]
BUCKET, TABLE = "aws_s3_bucket", "aws_dynamodb_table"
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    BUCKET: {"force_destroy": False},
    TABLE: {"billing_mode": "PROVISIONED", "deletion_protection_enabled": False},
}
BLOCKS = {
    "block_public_acls": "BlockPublicAcls",
    "block_public_policy": "BlockPublicPolicy",
    "ignore_public_acls": "IgnorePublicAcls",
    "restrict_public_buckets": "RestrictPublicBuckets",
}


def make_bucket(client: Client, state: State) -> None:
    """A bucket; that of the first region is nowhere else."""
    region = state["region"]
    place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client.create_bucket(Bucket=state["bucket"], **({} if region == "us-east-1" else place))
    tag_bucket(client, state)


def tag_bucket(client: Client, state: State) -> None:
    """All its tags."""
    client.put_bucket_tagging(Bucket=state["bucket"], Tagging={"TagSet": tags(state)})


def remove_bucket(client: Client, state: State) -> None:
    """An empty bucket, or one whose content is told to go too."""
    if state.get("force_destroy"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=state["bucket"]):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                version = each["VersionId"]
                client.delete_object(Bucket=state["bucket"], Key=each["Key"], VersionId=version)
    client.delete_bucket(Bucket=state["bucket"])


def version_bucket(client: Client, state: State) -> None:
    """Keep what is written over."""
    status = {"Status": state["versioning_configuration"][0]["status"]}
    client.put_bucket_versioning(Bucket=state["bucket"], VersioningConfiguration=status)


def stop_versions(client: Client, state: State) -> None:
    """Keep it no longer."""
    status = {"Status": "Suspended"}
    client.put_bucket_versioning(Bucket=state["bucket"], VersioningConfiguration=status)


def encrypt_bucket(client: Client, state: State) -> None:
    """Encrypt what is written."""
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": each["sse_algorithm"]},
            "BucketKeyEnabled": bool(rule.get("bucket_key_enabled")),
        }
        for rule in state["rule"]
        for each in rule["apply_server_side_encryption_by_default"]
    ]
    client.put_bucket_encryption(
        Bucket=state["bucket"], ServerSideEncryptionConfiguration={"Rules": rules}
    )


def close_bucket(client: Client, state: State) -> None:
    """Keep the public out."""
    blocks = {word: bool(state.get(name)) for name, word in BLOCKS.items()}
    client.put_public_access_block(Bucket=state["bucket"], PublicAccessBlockConfiguration=blocks)


def own_bucket(client: Client, state: State) -> None:
    """Whose the objects are."""
    rules = [{"ObjectOwnership": state["rule"][0]["object_ownership"]}]
    client.put_bucket_ownership_controls(Bucket=state["bucket"], OwnershipControls={"Rules": rules})


def put_policy(client: Client, state: State) -> None:
    """Who may do what."""
    client.put_bucket_policy(Bucket=state["bucket"], Policy=state["policy"])


def make_table(client: Client, state: State) -> None:
    """A table with its keys."""
    kinds = (("hash_key", "HASH"), ("range_key", "RANGE"))
    keys = [
        {"AttributeName": state[name], "KeyType": kind} for name, kind in kinds if state.get(name)
    ]
    attributes = [
        {"AttributeName": each["name"], "AttributeType": each["type"]}
        for each in state["attribute"]
    ]
    client.create_table(
        TableName=state["name"],
        KeySchema=keys,
        AttributeDefinitions=attributes,
        BillingMode=state["billing_mode"],
        DeletionProtectionEnabled=bool(state.get("deletion_protection_enabled")),
        Tags=tags(state),
    )


def change_table(client: Client, state: State) -> None:
    """Whether it is protected."""
    protected = bool(state.get("deletion_protection_enabled"))
    client.update_table(TableName=state["name"], DeletionProtectionEnabled=protected)


def remove_table(client: Client, state: State) -> None:
    """A table, unless it is protected."""
    client.delete_table(TableName=state["name"])


def nothing(_client: Client, _state: State) -> None:
    """Only Terraform knows."""


def tags(state: State) -> list[dict[str, str]]:
    """All tags of a resource."""
    return [{"Key": name, "Value": value} for name, value in (state.get("tags_all") or {}).items()]


def bucket_is_there(client: Client, name: str) -> bool:
    """Whether there is such a bucket. Raises ClientError."""
    return answers(lambda: client.head_bucket(Bucket=name))


def table_is_there(client: Client, name: str) -> bool:
    """Whether there is such a table. Raises ClientError."""
    return answers(lambda: client.describe_table(TableName=name))


def answers(ask: Callable[[], Any]) -> bool:
    """Whether what is asked for is there. Raises ClientError."""
    try:
        ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket", "ResourceNotFoundException"):
            return False
        raise
    return True


THERE = {"s3": bucket_is_there, "dynamodb": table_is_there}
PARTS: Mapping[str, Action] = {
    "aws_s3_bucket_lifecycle_configuration": nothing,
    "aws_s3_bucket_ownership_controls": own_bucket,
    "aws_s3_bucket_policy": put_policy,
    "aws_s3_bucket_public_access_block": close_bucket,
    "aws_s3_bucket_server_side_encryption_configuration": encrypt_bucket,
    "aws_s3_bucket_versioning": version_bucket,
}
CREATE: Mapping[str, Action] = {BUCKET: make_bucket, TABLE: make_table, **PARTS}
UPDATE: Mapping[str, Action] = {BUCKET: tag_bucket, TABLE: change_table, **PARTS}
DELETE: Mapping[str, Action] = {
    BUCKET: remove_bucket,
    TABLE: remove_table,
    **dict.fromkeys(PARTS, nothing),
    "aws_s3_bucket_policy": lambda client, state: client.delete_bucket_policy(
        Bucket=state["bucket"]
    ),
    "aws_s3_bucket_public_access_block": lambda client, state: client.delete_public_access_block(
        Bucket=state["bucket"]
    ),
    "aws_s3_bucket_versioning": stop_versions,
}
