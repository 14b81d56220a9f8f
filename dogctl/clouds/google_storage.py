"""Buckets at Google.

https://cloud.google.com/python/docs/reference/storage/latest
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dogctl.clouds.google import LOG_IN, REFUSED, Account, reason
from dogctl.clouds.properties import Property
from dogctl.errors import DogctlError

# What gcloud users set for another address of the API.
ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"
TIMEOUT = 30.0
FORBIDDEN = "cloud-forbidden"
UNREACHABLE = "cloud-unreachable"
NO_BUCKET = "state-bucket-missing"
TAKEN = "bucket-taken"
FAILED = "google-storage-failed"
BOOTSTRAP = "dogctl infra bootstrap"
_ENFORCED = "enforced"


@dataclass
class Bucket:
    """One bucket; every method raises DogctlError.

    Args:
        account: who we are.
        project: whose it is, or is to be.
    """

    name: str
    account: Callable[[], Account]
    project: str | None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def put(self, key: str, content: bytes) -> None:
        """Keep something there; Google encrypts all that is kept."""
        with self.refusals():
            self.client.bucket(self.name).blob(key).upload_from_string(content, timeout=TIMEOUT)

    def get(self, key: str) -> bytes | None:
        """What is kept there; None if there is nothing, in a bucket that is there."""
        from google.api_core.exceptions import NotFound

        with self.refusals():
            try:
                found: bytes = self.client.bucket(self.name).blob(key).download_as_bytes()
            except NotFound:
                self.require(key)
                return None
        return found

    def require(self, key: str) -> None:
        """Raises Google's NotFound without a bucket; to ask for the bucket takes more rights."""
        listed = self.client.list_blobs(self.name, prefix=key, max_results=1, timeout=TIMEOUT)
        next(iter(listed), None)

    @cached_property
    def client(self) -> Any:
        from google.cloud.storage import Client
        from google.oauth2.credentials import Credentials

        endpoint = self.environ.get(ENDPOINT, "").rstrip("/")
        return Client(
            project=self.project,
            credentials=Credentials(self.account().token().reveal()),
            client_options={"api_endpoint": endpoint} if endpoint else None,
        )

    @contextmanager
    def refusals(self, *, missing: str = BOOTSTRAP) -> Iterator[None]:
        """Raises what Google complains of as DogctlError.

        `missing` is the hint for a bucket that is not there.
        """
        import requests
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.auth.exceptions import GoogleAuthError

        where = f"gs://{self.name}"
        try:
            yield
        except GoogleAPICallError as error:
            raise _refused(error, where, missing) from None
        except (GoogleAuthError, RetryError, requests.RequestException) as error:
            raise DogctlError(
                f"Google cannot be reached: {reason(error)}",
                code=UNREACHABLE,
                where=where,
                hint="check the network and the proxy, and run the command again",
            ) from None


@dataclass
class StateBucket:
    """A bucket for states, as it should be.

    https://developer.hashicorp.com/terraform/language/backend/gcs

    Args:
        region: where a new one is made, or a zone there; without it Google decides.
    """

    name: str
    account: Callable[[], Account]
    project: str | None
    region: str | None
    labels: Mapping[str, str]

    def properties(self) -> Iterator[Property]:
        """All that is to be true of it; the first one is that it is there."""
        yield Property("bucket", f"make the bucket gs://{self.name}", self._is_there, self._make)
        yield self._is("versioning", "keep the states of before", _is_versioned, _version)
        yield self._is("access", "let roles alone say who may do what", _is_uniform, _unify)
        yield self._is("privacy", "let nobody make anything in it public", _is_private, _hide)
        yield self._is("labels", "label it", self._is_labelled, self._label)

    @cached_property
    def _bucket(self) -> Bucket:
        return Bucket(self.name, self.account, self.project)

    def _is(
        self,
        name: str,
        change: str,
        look: Callable[[Any], bool],
        let: Callable[[Any], None],
    ) -> Property:
        def make_so() -> None:
            with self._bucket.refusals():
                found = self._get()
                let(found)
                # Of what was read; what somebody else changes meanwhile stays.
                found.patch(timeout=TIMEOUT)

        def is_so() -> bool:
            with self._bucket.refusals():
                return look(self._get())

        return Property(name, change, is_so, make_so)

    def _get(self) -> Any:
        return self._bucket.client.get_bucket(self.name, timeout=TIMEOUT)

    def _is_there(self) -> bool:
        from google.api_core.exceptions import Forbidden, NotFound

        with self._bucket.refusals():
            try:
                self._get()
            except NotFound:
                return False
            except Forbidden:
                raise _taken(f"gs://{self.name}") from None
        return True

    def _make(self) -> None:
        from google.api_core.exceptions import Conflict

        with self._bucket.refusals():
            new = self._bucket.client.bucket(self.name)
            _version(new)
            _unify(new)
            _hide(new)
            new.labels = dict(self.labels)
            try:
                self._bucket.client.create_bucket(new, location=self._location, timeout=TIMEOUT)
            except Conflict:  # another run was first, or it is somebody else's
                self._is_there()

    @property
    def _location(self) -> str | None:
        """The region of a zone is what comes before its last dash."""
        parts = (self.region or "").split("-")
        return "-".join(parts[:2]) or None

    def _is_labelled(self, found: Any) -> bool:
        return bool(self.labels.keys() <= found.labels.keys())

    def _label(self, found: Any) -> None:
        found.labels = {**self.labels, **found.labels}


def _is_versioned(bucket: Any) -> bool:
    return bool(bucket.versioning_enabled)


def _version(bucket: Any) -> None:
    bucket.versioning_enabled = True


def _is_uniform(bucket: Any) -> bool:
    return bool(bucket.iam_configuration.uniform_bucket_level_access_enabled)


def _unify(bucket: Any) -> None:
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True


def _is_private(bucket: Any) -> bool:
    return bool(bucket.iam_configuration.public_access_prevention == _ENFORCED)


def _hide(bucket: Any) -> None:
    bucket.iam_configuration.public_access_prevention = _ENFORCED


def _refused(error: Any, where: str, missing: str) -> DogctlError:
    said = str(error.message).partition(": ")[2] or reason(error)
    match error.code:
        case 401:
            return DogctlError(
                f"Google does not accept our login: {said}", code=REFUSED, where=where, hint=LOG_IN
            )
        case 403:
            return DogctlError(
                f"Google does not let us do that: {said}",
                code=FORBIDDEN,
                where=where,
                hint="let the owner of the project grant roles/storage.admin",
            )
        case 404:
            return DogctlError(
                "there is no such bucket",
                code=NO_BUCKET,
                where=where,
                hint=missing,
            )
    return DogctlError(
        f"Google's storage failed: {error.code} {said}",
        code=FAILED,
        where=where,
        hint="run the command again",
    )


def _taken(where: str) -> DogctlError:
    return DogctlError(
        "this bucket belongs to somebody else, or we may not look at it",
        code=TAKEN,
        where=where,
        hint="take another name in the setting state: the names of buckets are unique in the world",
    )
