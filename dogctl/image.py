"""The name of an image: where it is, which tag, and exactly which content.

The grammar and the defaults are those of the distribution reference package, which Docker,
containerd and Kubernetes follow: https://pkg.go.dev/github.com/distribution/reference
Nothing that fits it begins with a dash, so a name never becomes an option of a program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

DOCKER_HUB = "docker.io"
# What else Docker calls it, in its configuration and in old names.
_HUB_NAMES = (DOCKER_HUB, "index.docker.io", "registry-1.docker.io")
_OFFICIAL = "library/"
_LONGEST_REPOSITORY = 255
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, order=True)
class Digest:
    """The hash of a manifest, which names one content for ever. Raises ValueError."""

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        if len(self.hex) != _HEX_LENGTHS.get(self.algorithm) or not _HEX.fullmatch(self.hex):
            raise ValueError(f"{self} is no digest, such as sha256: and 64 hexadecimal digits")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sha256:...`. Raises ValueError."""
        algorithm, _, digits = text.partition(":")
        return cls(algorithm, digits)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


@dataclass(frozen=True, order=True)
class ImageRef:
    """registry/repository:tag@digest. Raises ValueError for what is not in the grammar.

    Args:
        registry: host, or host:port; `docker.io` for Docker Hub.
        repository: the path in the registry; Docker's official images are in `library/`.
        tag: None where only the digest counts, or where there is none yet.
        digest: which content exactly, if known; it wins over the tag.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __post_init__(self) -> None:
        if not _REGISTRY.fullmatch(self.registry):
            raise ValueError(f"{self.registry!r} is no registry, such as docker.io or host:5000")
        if not _REPOSITORY.fullmatch(self.repository):
            raise ValueError(
                f"{self.repository!r} is no repository: lower-case letters, digits and, between"
                " them, . _ - and /"
            )
        if len(self.name) > _LONGEST_REPOSITORY:
            raise ValueError(f"an image's name has at most {_LONGEST_REPOSITORY} characters")
        if self.tag is not None and not _TAG.fullmatch(self.tag):
            raise ValueError(
                f"{self.tag!r} is no tag: at most 128 letters, digits, . _ and -, not beginning"
                " with . or -"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what people write: `app`, `team/app:1.0`, `host:5000/app@sha256:...`.

        Without a registry it is Docker Hub's; no tag is added. Raises ValueError.
        """
        rest, at, digest = text.partition("@")
        rest, tag = _split_tag(rest)
        registry, repository = _split_registry(rest)
        return cls(registry, repository, tag, Digest.parse(digest) if at else None)

    @property
    def name(self) -> str:
        """registry/repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    def tagged(self, tag: str) -> Self:
        """The same repository's tag, with no digest. Raises ValueError."""
        return replace(self, tag=tag, digest=None)

    def pinned(self, digest: Digest) -> Self:
        """The same name for exactly this content."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.name}{tag}{digest}"


def _split_tag(text: str) -> tuple[str, str | None]:
    """A colon before the last slash belongs to a port."""
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (text, None)


def _split_registry(text: str) -> tuple[str, str]:
    """The first part is a registry if it could not be Docker Hub's: Docker's own rule."""
    first, slash, rest = text.partition("/")
    is_host = first == "localhost" or "." in first or ":" in first or first.lower() != first
    if slash and is_host and first not in _HUB_NAMES:
        return first, rest
    repository = rest if slash and first in _HUB_NAMES else text
    return DOCKER_HUB, repository if "/" in repository else _OFFICIAL + repository
