"""What the name of a registry tells about it."""

from __future__ import annotations

import re
from ipaddress import ip_address

# https://cloud.google.com/artifact-registry/docs/docker/names
_GOOGLE = re.compile(r"(?:[a-z]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev")
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
_AMAZON = re.compile(r"\d{12}\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


def is_google(registry: str) -> bool:
    """Whether it is Google's Artifact Registry, which also serves the gcr.io names."""
    return _GOOGLE.fullmatch(registry) is not None


def amazon_region(registry: str) -> str | None:
    """The region of one of Amazon's registries (ECR); None for any other registry."""
    found = _AMAZON.fullmatch(registry)
    return found[1] if found else None


def where_to_delete(registry: str) -> str:
    """What deletes images at a registry whose own API does not."""
    if amazon_region(registry) is not None:
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
        return "let a lifecycle policy do it: aws ecr put-lifecycle-policy"
    if registry == "ghcr.io":
        # https://docs.github.com/en/rest/packages/packages
        return (
            "delete versions on the package's page at GitHub, or by its API: gh api --method DELETE"
        )
    return "let its owner allow it; Docker's own registry has the setting storage.delete.enabled"


def is_loopback(host: str) -> bool:
    """Whether a host (without port) is this machine, which the engine trusts without TLS."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def ways_to_log_in(registry: str) -> tuple[str, str]:
    """The settings that give a login for a registry, and the command that makes one."""
    if is_google(registry):
        return "GCP_CREDENTIALS", "gcloud auth application-default login"
    if amazon_region(registry) is not None:
        return "AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "aws configure"
    return "DOCKER_USERNAME and DOCKER_PASSWORD", f"docker login {registry}"
