"""Buckets and tables at Amazon, or at another store that speaks S3.

Logins, regions and other addresses are those of boto3's own chain:
https://boto3.amazonaws.com/v1/documentation/api/latest/guide/configuration.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dogctl.errors import DogctlError

CREDENTIALS = "cloud-credentials"
FORBIDDEN = "cloud-forbidden"
UNREACHABLE = "cloud-unreachable"
NO_BUCKET = "state-bucket-missing"
NO_REGION = "no-aws-region"
FAILED = "aws-failed"

_NO_LOGIN = frozenset(
    (
        *("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        *("UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "InvalidToken"),
    )
)
_DENIED = frozenset(("AccessDenied", "403", "AccessDeniedException", "AllAccessDisabled"))
BOOTSTRAP = "dogctl infra bootstrap"
LOG_IN = "log in again (aws sso login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID"


@dataclass(frozen=True)
class Bucket:
    """One bucket; every method raises DogctlError."""

    name: str
    region: str | None

    def put(self, key: str, content: bytes) -> None:
        """Keep something there, encrypted by the store."""
        with refusals(f"s3://{self.name}/{key}"):
            client("s3", self.region).put_object(
                Bucket=self.name, Key=key, Body=content, ServerSideEncryption="AES256"
            )

    def get(self, key: str) -> bytes | None:
        """What is kept there; None if there is nothing."""
        from botocore.exceptions import ClientError

        with refusals(f"s3://{self.name}/{key}"):
            try:
                answer = client("s3", self.region).get_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if code(error) == "NoSuchKey":
                    return None
                raise
            content: bytes = answer["Body"].read()
            return content


def client(service: str, region: str | None) -> Any:
    """A client that gives up after a few tries."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3}
    )
    # A session of its own: the common one makes no clients for several threads at once.
    return boto3.session.Session().client(service, region_name=region, config=config)


def region_of(given: str | None) -> str | None:
    """The region that is given, or the user's own."""
    import boto3

    found: str | None = given or boto3.session.Session().region_name
    return found


def code(error: Any) -> str:
    """Amazon's name for what is wrong, or the HTTP status."""
    said: Mapping[str, Any] = error.response.get("Error", {})
    return str(said.get("Code", ""))


@contextmanager
def refusals(where: str, *, missing: str = BOOTSTRAP) -> Iterator[None]:
    """Raises what Amazon complains of as DogctlError.

    `missing` is the hint for a bucket that is not there.
    """
    from botocore import exceptions as known

    try:
        yield
    except (known.NoCredentialsError, known.PartialCredentialsError, known.TokenRetrievalError):
        raise DogctlError(
            "nobody is logged in to Amazon here", code=CREDENTIALS, where=where, hint=LOG_IN
        ) from None
    except known.NoRegionError:
        raise DogctlError(
            "nothing says which region of Amazon's it is",
            code=NO_REGION,
            where=where,
            hint="set state-region, or AWS_REGION",
        ) from None
    except known.ClientError as error:
        raise _refused(error, where, missing) from None
    except known.BotoCoreError as error:
        raise DogctlError(
            f"Amazon cannot be reached: {error}",
            code=UNREACHABLE,
            where=where,
            hint="check the network and the proxy, and run the command again",
        ) from None


def _refused(error: Any, where: str, missing: str) -> DogctlError:
    said = error.response.get("Error", {}).get("Message", "") or code(error)
    if code(error) in _NO_LOGIN:
        return DogctlError(
            f"Amazon does not accept our login: {said}", code=CREDENTIALS, where=where, hint=LOG_IN
        )
    if code(error) in _DENIED:
        return DogctlError(
            f"we may not {error.operation_name} there: {said}",
            code=FORBIDDEN,
            where=where,
            hint="see that the name is right, or let the owner of the account grant that",
        )
    if code(error) == "NoSuchBucket":
        return DogctlError("there is no such bucket", code=NO_BUCKET, where=where, hint=missing)
    return DogctlError(
        f"Amazon refuses {error.operation_name}: {said}",
        code=FAILED,
        where=where,
        hint="correct that and run the command again",
    )
