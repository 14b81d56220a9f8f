"""What every image registry does for dogctl."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from dogctl.image import Digest, ImageRef
from dogctl.secrets import Secret

# Docker's name for "the password is an identity token":
# https://github.com/docker/docker-credential-helpers#development
IDENTITY_TOKEN = "<token>"  # noqa: S105  (not one itself)


@dataclass(frozen=True)
class Login:
    """Who to be at a registry."""

    username: str
    password: Secret

    def auth_config(self) -> dict[str, str]:
        """The login in the open, as the Docker SDK's `images.push` takes it.

        It goes to the engine in a header, so neither to argv nor to a file.
        """
        if self.username == IDENTITY_TOKEN:
            return {"identitytoken": self.password.reveal()}
        return {"username": self.username, "password": self.password.reveal()}


# Asked only when a registry wants a login, and again when it wants a new one.
LoginSource = Callable[[], Login | None]


class Registry(Protocol):
    """The images of one registry; every method raises DogctlError with a code of refusals.py."""

    def resolve(self, ref: ImageRef) -> Digest | None:
        """The digest that the tag, or else the digest, of `ref` has there; None if it has none."""
        ...

    def tag(self, ref: ImageRef, digest: Digest, tags: Iterable[str]) -> tuple[str, ...]:
        """Put tags on a manifest that is there already, without pushing anything again.

        Answers the tags that it changed: those not on the digest before.
        """
        ...

    def tags(self, ref: ImageRef) -> tuple[str, ...]:
        """All tags of the repository of `ref`."""
        ...
