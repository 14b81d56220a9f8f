"""Any registry of the OCI distribution specification.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from dogctl.errors import DogctlError
from dogctl.image import DOCKER_HUB, Digest, ImageRef
from dogctl.registries import refusals
from dogctl.registries.auth import ChallengeAuth
from dogctl.registries.base import LoginSource
from dogctl.registries.hosts import is_loopback
from dogctl.registries.http import LONGEST_WAIT, PASSING_STATUSES, Http, Pause

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# Without them a registry converts an index into the manifest of one platform, or answers 404.
ACCEPT = {"Accept": ", ".join(MANIFESTS)}
# Names are docker.io/..., but the registry answers elsewhere.
HUB_ADDRESS = "registry-1.docker.io"


class OciRegistry:
    """The images of one registry, as in base.Registry.

    Args:
        registry: as in ImageRef: host, host:port or docker.io.
        login: asked for a login once the registry wants one; None stays anonymous.
        ca: a file with the certificate authorities to trust; None: those that the engine trusts.
        pause: waits some seconds, and may raise to give up.
        longest_wait: for so many seconds the registry is left alone where it asks for it.
    """

    def __init__(
        self,
        registry: str,
        login: LoginSource = lambda: None,
        *,
        ca: Path | None = None,
        pause: Pause = time.sleep,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self.registry = registry
        self._http = Http(ca=ca, pause=pause, longest_wait=longest_wait)
        self._auth = ChallengeAuth(self._http, registry, login)
        self._found: str | None = None

    def resolve(self, ref: ImageRef) -> Digest | None:
        """The digest of `ref`, or else of its tag, if that is there; else None.

        HEAD does not count as a pull at Docker Hub. Raises DogctlError.
        """
        reference = ref.digest or _required(ref.tag)
        answer = self._send(ref, "HEAD", f"manifests/{reference}", headers=ACCEPT)
        if answer.status_code == 404:
            return None
        if not answer.ok:
            passing = answer.status_code in PASSING_STATUSES
            # An answer to HEAD has no body; the same question with GET tells the reason.
            answer = self._answered(ref, answer) if passing else self._get(ref, str(reference))
        stated = answer.headers.get("Docker-Content-Digest")
        if stated is not None:
            return _digest(ref, stated)
        return hashed(self._get(ref, str(reference)).content)

    def tag(self, ref: ImageRef, digest: Digest, tags: Iterable[str]) -> tuple[str, ...]:
        """Put tags on a manifest that is there already, without pushing anything again.

        The same bytes get another name, so the digest stays; a tag that is on it already is left
        alone, also where tags are immutable. Answers the tags that changed. Raises DogctlError.
        """
        wanted = [ref.tagged(tag) for tag in tags]
        missing = [other for other in wanted if self.resolve(other) != digest]
        if not missing:
            return ()
        found = self._get(ref, str(digest))
        if hashed(found.content, digest.algorithm) != digest:
            raise _corrupt(ref.pinned(digest), "the registry has other content under this digest")
        kind = found.headers.get("Content-Type", "").partition(";")[0]
        for other in missing:
            put = self._send(
                other,
                "PUT",
                f"manifests/{other.tag}",
                data=found.content,
                headers={"Content-Type": kind or found.json()["mediaType"]},
            )
            # What counts is where the tag is: a lost answer makes us put it twice, and a registry
            # of immutable tags refuses the second time.
            if (now := self.resolve(other)) != digest:
                self._answered(other, put)
                raise _corrupt(other, f"after tagging, the registry says {now}, not {digest}")
        return tuple(str(other.tag) for other in missing)

    def config(self, ref: ImageRef) -> Digest | None:
        """The digest of the configuration of the image that a tag is on; None for an index.

        It is the same for the same image, also if that was packed in another way. Raises
        DogctlError.
        """
        found = self._get(ref, str(ref.tag)).json().get("config")
        return _digest(ref, str(found.get("digest"))) if found else None

    def tags(self, ref: ImageRef) -> tuple[str, ...]:
        """All tags of the repository of `ref`. Raises DogctlError."""
        return tuple(dict.fromkeys(tag for page in self.pages(ref) for tag in _tags(page)))

    def pages(self, ref: ImageRef) -> Iterator[Mapping[str, Any]]:
        """The listing of tags as the registry has it, a page at a time.

        After its end it is asked to go on, until it has nothing new: some registries stop early.
        `tags` is null where the last one was deleted. Raises DogctlError.
        """
        found: set[str] = set()
        path, before = "tags/list", -1
        while len(found) > before:
            before = len(found)
            for answer in self._linked(ref, path):
                page = self._object(ref, answer)
                found |= set(_tags(page))
                yield page
            path = f"tags/list?last={max(found, default='')}"

    def manifest(self, ref: ImageRef) -> tuple[Digest, Mapping[str, Any]] | None:
        """What is behind the digest of `ref`, or else its tag; None if there is nothing.

        Raises DogctlError, also if the content is not that of its digest.
        """
        found = self.content(ref)
        return (found[0], parsed(ref, found[1])) if found else None

    def content(self, ref: ImageRef) -> tuple[Digest, bytes] | None:
        """The same, as the bytes of which the digest is. Raises DogctlError."""
        reference = str(ref.digest or _required(ref.tag))
        answer = self._send(ref, "GET", f"manifests/{reference}", headers=ACCEPT)
        if answer.status_code == 404:
            return None
        content = self._answered(ref, answer).content
        stated = answer.headers.get("Docker-Content-Digest") or str(ref.digest or hashed(content))
        digest = _digest(ref, stated)
        if hashed(content, digest.algorithm) != digest or ref.digest not in (None, digest):
            raise _corrupt(ref, "the registry has other content under this digest")
        return digest, content

    def put(self, ref: ImageRef, reference: str, content: bytes) -> None:
        """Put a manifest whose parts are there under a tag, or its digest. Raises DogctlError."""
        body = parsed(ref, content)
        kind = body.get("mediaType") or MANIFESTS[0 if "manifests" in body else 1]
        headers = {"Content-Type": kind}
        put = self._send(ref, "PUT", f"manifests/{reference}", data=content, headers=headers)
        self._answered(ref, put)

    def blob(self, ref: ImageRef, digest: Digest) -> bytes | None:
        """A small blob, such as an image's configuration; None if it is not there.

        Raises DogctlError, also if the content is not that of its digest.
        """
        answer = self._send(ref, "GET", f"blobs/{digest}")
        if answer.status_code == 404:
            return None
        content = self._answered(ref, answer).content
        if hashed(content, digest.algorithm) != digest:
            raise _corrupt(ref, f"the registry has other content under {digest}")
        return content

    def may_be_manifest(self, ref: ImageRef, digest: Digest) -> bool:
        """False for what is a layer or a configuration in the repository, and no manifest.

        Docker's registry fails when it is asked for such a blob as if it were a manifest, and
        others have their manifests among the blobs. Raises DogctlError.
        """
        answer = self._send(ref, "HEAD", f"blobs/{digest}")
        if answer.status_code == 404:
            return True
        self._answered(ref, answer)
        return self._is_there(ref, digest)

    def referrers(self, ref: ImageRef, digest: Digest) -> tuple[Digest, ...] | None:
        """What has this manifest as its subject; None where the registry cannot tell.

        Then it is in an index with the tag `sha256-HEX`. Raises DogctlError.
        """
        found: list[Digest] = []
        for answer in self._linked(ref, f"referrers/{digest}"):
            if answer.status_code in (404, 405):
                return None
            page = self._object(ref, answer)
            found += (_digest(ref, each["digest"]) for each in page.get("manifests") or ())
        return tuple(found)

    def delete(self, ref: ImageRef, reference: Digest | str) -> bool:
        """Delete a manifest by its digest, and all its tags with it; or one tag, where it can.

        False if the registry says that it is not there. Raises DogctlError.
        """
        answer = self._send(ref, "DELETE", f"manifests/{reference}")
        if answer.ok:
            return True
        says = self._http.complaints(answer)
        # Amazon's had no such call for long, and said so as a web server does.
        # https://github.com/aws/containers-roadmap/issues/1229
        unknown = answer.status_code == 404 and not says and self._is_there(ref, reference)
        if unknown or answer.status_code == 405:
            raise refusals.failure(refusals.NO_DELETE, ref, says=says)
        if answer.status_code != 404:
            self._answered(ref, answer)
        return False

    def _is_there(self, ref: ImageRef, reference: Digest | str) -> bool:
        return self._send(ref, "HEAD", f"manifests/{reference}", headers=ACCEPT).ok

    def _linked(self, ref: ImageRef, path: str) -> Iterator[requests.Response]:
        """Answers, each of which names the next one. Raises DogctlError."""
        seen: set[str] = set()
        while path not in seen:
            seen.add(path)
            answer = self._send(ref, "GET", path)
            yield answer
            following = answer.links.get("next", {}).get("url")
            if following is None:
                return
            path = urljoin(answer.url, following)
        raise _corrupt(ref, f"the pages of the registry lead round in a circle: {path}")

    def _object(self, ref: ImageRef, answer: requests.Response) -> Mapping[str, Any]:
        """The JSON object that an answer is. Raises DogctlError."""
        return parsed(ref, self._answered(ref, answer).content)

    def _get(self, ref: ImageRef, reference: str) -> requests.Response:
        return self._answered(ref, self._send(ref, "GET", f"manifests/{reference}", headers=ACCEPT))

    def _send(self, ref: ImageRef, method: str, path: str, **options: Any) -> requests.Response:
        if ref.registry != self.registry:
            raise ValueError(f"{ref} is not at {self.registry}")
        base = f"{self._address(ref)}/v2/{ref.repository}/"
        url = urljoin(base, path)
        if urlsplit(url)[:2] != urlsplit(base)[:2]:
            raise _corrupt(ref, f"the registry sends us to another host: {url}")
        return self._http.send(ref, method, url, auth=self._auth, **options)

    def _address(self, ref: ImageRef) -> str:
        if self._found is None:
            self._found = self._find(ref)
        return self._found

    def _find(self, ref: ImageRef) -> str:
        host = HUB_ADDRESS if self.registry == DOCKER_HUB else self.registry
        if is_loopback(urlsplit(f"//{host}").hostname or ""):
            # The engine talks to a registry on this machine in the clear if it has no TLS.
            try:
                self._http.send(ref, "GET", f"https://{host}/v2/")
            except DogctlError as error:
                no_tls = isinstance(error.__cause__, requests.exceptions.SSLError)
                if error.code == refusals.UNTRUSTED or not no_tls:
                    raise
                return f"http://{host}"
        return f"https://{host}"

    def _answered(self, ref: ImageRef, answer: requests.Response) -> requests.Response:
        """The answer, if it is one. Raises DogctlError with the cause otherwise."""
        if answer.ok:
            return answer
        refusal = self._http.refusal(ref, answer, logged_in=self._auth.logged_in)
        bearer = answer.request.headers.get("Authorization", "").startswith("Bearer ")
        if refusal.status == 401 and refusal.logged_in and bearer:
            # The login was good for a token, and the token is not good for this.
            raise refusals.failure(refusals.DENIED, ref, says=refusal.says)
        raise refusal.error()


def _required(tag: str | None) -> str:
    if tag is None:
        raise ValueError("a reference to resolve has a tag or a digest")
    return tag


def _tags(page: Mapping[str, Any]) -> list[str]:
    return page.get("tags") or []


def _digest(ref: ImageRef, text: str) -> Digest:
    try:
        return Digest.parse(text)
    except ValueError as error:
        raise _corrupt(ref, str(error)) from None


def parsed(ref: ImageRef, content: bytes) -> Mapping[str, Any]:
    """The JSON object that some content is. Raises DogctlError."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _corrupt(ref, "what answers there is no registry: that is no JSON object")
    return found


def hashed(content: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of some content, by SHA-256 unless told otherwise."""
    return Digest(algorithm, hashlib.new(algorithm, content).hexdigest())


def _corrupt(ref: ImageRef, what: str) -> DogctlError:
    return DogctlError(what, code="registry-inconsistent", where=str(ref))
