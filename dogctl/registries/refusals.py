"""Why a registry did not do it: one table of causes, for our own requests and for the engine's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.registries import hosts

NOT_LOGGED_IN = "registry-not-logged-in"
LOGIN_REFUSED = "registry-login-refused"
DENIED = "registry-denied"
NO_REPOSITORY = "no-such-repository"
NO_IMAGE = "no-such-image"
RATE_LIMIT = "registry-rate-limit"
QUOTA = "registry-quota"
TAG_IMMUTABLE = "tag-immutable"
NO_DELETE = "registry-without-delete"
UNTRUSTED = "untrusted-certificate"
NO_TLS = "registry-without-tls"
UNREACHABLE = "registry-unreachable"
REFUSED = "registry-refused"
FAILED = "registry-failed"
# What may go well if it is done again.
PASSING = frozenset({RATE_LIMIT, UNREACHABLE, FAILED})

_MESSAGES = {
    NOT_LOGGED_IN: "{registry} wants a login, and there is none for it",
    LOGIN_REFUSED: "{registry} does not accept the login",
    DENIED: "the login at {registry} may not do this to {repository}",
    NO_REPOSITORY: "{registry} has no repository {repository}",
    NO_IMAGE: "{registry} has no such image in {repository}",
    RATE_LIMIT: "{registry} limits the rate of requests",
    QUOTA: "the quota at {registry} is used up",
    TAG_IMMUTABLE: "the tag is taken, and {registry} lets nobody move a tag of {repository}",
    NO_DELETE: "{registry} deletes no image that it is asked to by the registry's own API",
    UNTRUSTED: "the certificate of {registry} is not trusted",
    NO_TLS: "{registry} has no TLS, and the engine talks to it in no other way",
    UNREACHABLE: "{registry} cannot be reached",
    REFUSED: "{registry} does not accept this request",
    FAILED: "{registry} failed",
}
_HINTS = {
    NOT_LOGGED_IN: "set {settings}, or type: {command}",
    LOGIN_REFUSED: "check {settings}, or type: {command}",
    DENIED: "let the login's owner write to {repository}",
    NO_REPOSITORY: "create {repository} at {registry}",
    QUOTA: "remove images that nobody needs",
    TAG_IMMUTABLE: "push under a new tag",
    NO_DELETE: "{elsewhere}",
    UNTRUSTED: "put its CA at /etc/docker/certs.d/{registry}/ca.crt",
    NO_TLS: "add {registry} to insecure-registries in the engine's daemon.json",
}
# Registries agree on codes for a few causes only, so their words decide too, in this order.
# The codes, which the engine prints in small letters with spaces for underscores:
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
# Immutable tags, in the words of Amazon, Google and Harbor:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
# https://cloud.google.com/artifact-registry/docs/docker/troubleshoot#push
_WORDS = {
    TAG_IMMUTABLE: r"immutab",
    RATE_LIMIT: r"toomanyrequests|too many requests|rate.?limit",
    QUOTA: r"quota",
    UNTRUSTED: r"x509:|certificate",
    NO_TLS: r"HTTP response to HTTPS client|first record does not look like a TLS handshake",
    NO_REPOSITORY: r"name.unknown",
    NO_IMAGE: r"manifest.unknown",
    DENIED: r"denied|insufficient.scope|forbidden",
    NOT_LOGGED_IN: r"unauthorized|authentication required|no basic auth credentials",
    UNREACHABLE: r"no such host|connection (refused|reset)|timeout|unexpected eof|dial tcp",
}
_STATUSES = {401: NOT_LOGGED_IN, 402: QUOTA, 403: DENIED, 404: NO_IMAGE}


@dataclass(frozen=True)
class Refusal:
    """What is known of a request that was not done.

    Args:
        ref: the image it was about.
        status: of HTTP, None where there is none.
        says: what the registry or the engine said, without secrets.
        logged_in: whether a login was used.
        wait: seconds after which the registry wants to be asked again, if it said so.
    """

    ref: ImageRef
    status: int | None = None
    says: tuple[str, ...] = ()
    logged_in: bool = False
    wait: float | None = None

    def error(self) -> DogctlError:
        """The error for people and programs; its code is one of those above."""
        return failure(self._code(), self.ref, says=self.says, wait=self.wait)

    def _code(self) -> str:
        # 429 and 5xx mean what they say, whatever the text of the page that comes with them.
        if self.status == 429:
            return RATE_LIMIT
        if self.status is not None and self.status >= 500:
            return FAILED
        text = "\n".join(self.says)
        found = (code for code, words in _WORDS.items() if re.search(words, text, re.IGNORECASE))
        code = next(found, _STATUSES.get(self.status, REFUSED) if self.status else FAILED)
        if code in (NOT_LOGGED_IN, DENIED) and not self.logged_in:
            return NOT_LOGGED_IN
        return LOGIN_REFUSED if code == NOT_LOGGED_IN else code


def failure(
    code: str, ref: ImageRef, *, says: tuple[str, ...] = (), wait: float | None = None
) -> DogctlError:
    """The error with one of the codes above."""
    settings, command = hosts.ways_to_log_in(ref.registry)
    names = {
        "registry": ref.registry,
        "repository": ref.repository,
        "settings": settings,
        "command": command,
        "elsewhere": hosts.where_to_delete(ref.registry),
    }
    message, hint, data = _MESSAGES[code].format(**names), _HINTS.get(code), None
    if wait is not None:
        message += f"; it wants to be left alone for {wait:.0f} s"
        hint, data = f"wait {wait:.0f} s, then do the same again", {"retry_after_seconds": wait}
    return DogctlError(
        message,
        code=code,
        where=str(ref),
        hint=hint.format(**names) if hint else None,
        detail=says,
        data=data,
    )
