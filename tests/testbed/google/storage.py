"""Cloud Storage: buckets and what is in them, as far as Terraform's state and charts need it.

Objects have generations, and conditions on them are kept: that is how Terraform locks its state.
https://cloud.google.com/storage/docs/json_api/v1
https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from threading import RLock
from typing import Any
from urllib.parse import unquote

from tests.testbed.google.answers import Answer
from tests.testbed.google.faults import refused
from tests.testbed.google.kinds import State
from tests.testbed.google.resources import BUCKET, NOT_EMPTY, Resources

BUCKETS = re.compile(r"/storage/v1/b(?:/([^/]+))?")
OBJECTS = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o(?:/([^/]+))?")
UPLOAD = re.compile(r"/upload/storage/v1/b/([^/]+)/o")
# As the older API has objects, from which Google's library for Go reads.
PLAIN = re.compile(r"/([a-z0-9][a-z0-9._-]{2,})/(.+)")
RESERVED = ("v1", "storage", "compute", "dns", "sql", "terraform", "download", "upload", "iam")


@dataclass(frozen=True)
class Request:
    """A request; the path is as it was sent, since names may have slashes."""

    verb: str
    path: str
    query: Mapping[str, str]
    content: bytes = b""
    kind: str = ""


@dataclass(frozen=True)
class Stored:
    """An object of a bucket."""

    bucket: str
    name: str
    content: bytes
    kind: str
    generation: int
    updated: str

    def resource(self) -> State:
        """As the API has it."""
        return {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "bucket": self.bucket,
            "name": self.name,
            "contentType": self.kind,
            "generation": str(self.generation),
            "metageneration": "1",
            "md5Hash": base64.b64encode(hashlib.md5(self.content).digest()).decode(),
            "size": str(len(self.content)),
            "timeCreated": self.updated,
            "updated": self.updated,
        }


@dataclass
class Storage:
    """The objects of all buckets, by bucket and name; the buckets are the project's resources."""

    resources: Resources
    objects: dict[tuple[str, str], Stored] = field(default_factory=dict)
    _generations: count[int] = field(default_factory=lambda: count(1_700_000_000_000_001))
    _lock: RLock = field(default_factory=RLock)

    def __post_init__(self) -> None:
        """The project knows what is in its buckets, and what is in one goes with it."""
        self.resources.content = self.names
        self.resources.gone[BUCKET] = lambda state: self._empty(state["name"])

    def answer(self, request: Request) -> Answer | None:
        """The answer, an object's content as it is; None if it is for another API."""
        with self._lock:
            if found := UPLOAD.fullmatch(request.path):
                return self._upload(found[1], request)
            if found := OBJECTS.fullmatch(request.path):
                return self._object(found[1], found[2] and unquote(found[2]), request)
            if found := BUCKETS.fullmatch(request.path):
                return self._bucket(found[1], request)
            if (found := PLAIN.fullmatch(request.path)) and found[1] not in RESERVED:
                content = Request(request.verb, request.path, {**request.query, "alt": "media"})
                return self._object(found[1], unquote(found[2]), content)
        return None

    def names(self, bucket: str) -> list[str]:
        """The names of the objects in a bucket."""
        return sorted(name for of, name in self.objects if of == bucket)

    def _empty(self, bucket: str) -> None:
        for name in self.names(bucket):
            del self.objects[bucket, name]

    def _bucket(self, name: str | None, request: Request) -> Answer | None:
        if name is None:
            return self._new_bucket(request) if request.verb == "POST" else None
        known = self.resources.get(BUCKET, name)
        if known is None:
            return no_bucket()
        match request.verb:
            case "GET":
                return 200, bucket(known)
            case "PATCH":
                known.update(arguments(json.loads(request.content)))
                return 200, bucket(known)
            case "DELETE" if self.names(name):
                return refused(409, "conflict", NOT_EMPTY)
            case "DELETE":
                self.resources.remove(BUCKET, name)
                return 204, None
            case _:
                return None

    def _new_bucket(self, request: Request) -> Answer:
        said = json.loads(request.content)
        made = {"project": request.query.get("project"), **arguments(said), "name": said["name"]}
        code, body = self.resources.create(BUCKET, made)
        return (200, bucket(body["state"])) if code == 200 else (code, body)

    def _object(self, of: str, name: str | None, request: Request) -> Answer | None:
        if self.resources.get(BUCKET, of) is None:
            return no_bucket()
        if name is None:
            prefix = request.query.get("prefix", "")
            found = [self.objects[of, each] for each in self.names(of) if each.startswith(prefix)]
            return 200, {"kind": "storage#objects", "items": [each.resource() for each in found]}
        stored = self.objects.get((of, name))
        if refusal := condition(stored, request.query):
            return refusal
        if stored is None:
            return refused(404, "notFound", f"No such object: {of}/{name}")
        match request.verb:
            case "GET" if request.query.get("alt") == "media":
                return 200, stored
            case "GET":
                return 200, stored.resource()
            case "DELETE":
                del self.objects[of, name]
                return 204, None
            case _:
                return None

    def _upload(self, of: str, request: Request) -> Answer:
        if self.resources.get(BUCKET, of) is None:
            return no_bucket()
        said, content, kind = parts(request)
        name = request.query.get("name") or said["name"]
        if refusal := condition(self.objects.get((of, name)), request.query):
            return refusal
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        stored = Stored(of, name, content, kind, next(self._generations), now)
        self.objects[of, name] = stored
        return 200, stored.resource()


def parts(request: Request) -> tuple[State, bytes, str]:
    """What an upload says of its object, the content, and the type of that."""
    if request.query.get("uploadType") == "media":
        return {}, request.content, request.kind or "application/octet-stream"
    found = re.search(r'boundary="?([^";]+)"?', request.kind)
    assert found is not None
    boundary = f"--{found[1]}".encode()
    _, about, content, _ = request.content.split(boundary)
    said = json.loads(about.split(b"\r\n\r\n", 1)[1])
    head, _, body = content.partition(b"\r\n\r\n")
    declared = re.search(rb"(?i)content-type: *([^\r\n]+)", head)
    kind = said.get("contentType") or (declared[1].decode() if declared else "")
    return said, body.removesuffix(b"\r\n"), kind


def condition(stored: Stored | None, query: Mapping[str, str]) -> Answer | None:
    """The refusal where an object is not of the generation that a request is about; 0 is none."""
    wanted = query.get("ifGenerationMatch")
    if wanted is None or int(wanted) == (stored.generation if stored else 0):
        return None
    message = "At least one of the pre-conditions you specified did not hold."
    return refused(412, "conditionNotMet", message)


def no_bucket() -> Answer:
    """There is none of that name."""
    return refused(404, "notFound", "The specified bucket does not exist.")


def bucket(state: State) -> State:
    """A bucket as the API has it."""
    versioning = state.get("versioning") or [{}]
    return {
        "kind": "storage#bucket",
        "id": state["name"],
        "name": state["name"],
        "location": state.get("location"),
        "labels": state.get("effective_labels") or state.get("labels") or {},
        "versioning": {"enabled": bool(versioning[0].get("enabled"))},
        "iamConfiguration": {
            "publicAccessPrevention": state.get("public_access_prevention") or "inherited",
            "uniformBucketLevelAccess": {"enabled": bool(state.get("uniform_bucket_level_access"))},
        },
    }


def arguments(said: Mapping[str, Any]) -> State:
    """What the API is told of a bucket, as Terraform would have said it."""
    found: State = {}
    if "labels" in said:
        found |= {"labels": said["labels"], "effective_labels": said["labels"]}
    if "location" in said:
        found["location"] = said["location"]
    if "versioning" in said:
        found["versioning"] = [{"enabled": bool(said["versioning"].get("enabled"))}]
    access = said.get("iamConfiguration", {})
    if "publicAccessPrevention" in access:
        found["public_access_prevention"] = access["publicAccessPrevention"]
    if "uniformBucketLevelAccess" in access:
        enabled = bool(access["uniformBucketLevelAccess"].get("enabled"))
        found["uniform_bucket_level_access"] = enabled
    return found
