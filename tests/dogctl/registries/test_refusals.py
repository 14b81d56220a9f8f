"""What the engine prints when a push fails, and what it means."""

from __future__ import annotations

import pytest

from dogctl.image import ImageRef
from dogctl.registries.refusals import Refusal

REF = ImageRef.parse("team/app:1.0")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("unauthorized: authentication required", "registry-login-refused"),
        ("no basic auth credentials", "registry-login-refused"),
        ("denied: requested access to the resource is denied", "registry-denied"),
        ("name unknown: The repository with name 'app' does not exist", "no-such-repository"),
        ("toomanyrequests: You have reached your pull rate limit.", "registry-rate-limit"),
        (
            (
                "tag invalid: The image tag '1.0' already exists in the 'app' repository and cannot"
                " be overwritten because the repository is immutable."
            ),
            "tag-immutable",
        ),
        (
            "manifest invalid: cannot update tag 1.0. The repository has enabled tag immutability",
            "tag-immutable",
        ),
        (
            (
                'Get "https://host/v2/": tls: failed to verify certificate: x509: certificate signed'
                " by unknown authority"
            ),
            "untrusted-certificate",
        ),
        ('Get "https://host/v2/": dial tcp: lookup host: no such host', "registry-unreachable"),
        ("http: server gave HTTP response to HTTPS client", "registry-without-tls"),
        (
            'Head "https://host/v2/": tls: first record does not look like a TLS handshake',
            "registry-without-tls",
        ),
        ("something else", "registry-failed"),
    ],
)
def test_what_the_engine_says_has_a_cause(text: str, code: str) -> None:
    error = Refusal(REF, says=(text,), logged_in=True).error()
    assert (error.code, error.detail) == (code, (text,))
    assert error.where == "docker.io/team/app:1.0"


@pytest.mark.parametrize("text", ["unauthorized: x", "denied: requested access is denied"])
def test_without_a_login_the_login_is_what_is_missing(text: str) -> None:
    error = Refusal(REF, says=(text,)).error()
    assert error.code == "registry-not-logged-in"
    assert error.hint == (
        "set DOCKER_USERNAME and DOCKER_PASSWORD, or type: docker login docker.io"
    )


@pytest.mark.parametrize(
    ("registry", "hint"),
    [
        ("europe-docker.pkg.dev", "gcloud"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "aws configure"),
        ("ghcr.io", "docker login ghcr.io"),
    ],
)
def test_each_registry_has_its_own_way_to_log_in(registry: str, hint: str) -> None:
    error = Refusal(ImageRef(registry, "team/app"), 401).error()
    assert hint in str(error.hint)


def test_the_time_to_wait_is_told() -> None:
    error = Refusal(REF, 429, wait=90.0).error()
    assert error.message.endswith("90 s")
    assert error.hint == "wait 90 s, then do the same again"
    assert error.data == {"retry_after_seconds": 90.0}
