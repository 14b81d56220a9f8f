"""The bucket that keeps a state, and plans beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dogctl.lifecycle.infra.state import State, Store

if TYPE_CHECKING:
    from dogctl.config.model import Project


class Bucket(Protocol):
    """A place for things under names. Every method raises DogctlError."""

    def put(self, key: str, content: bytes) -> None:
        """Keep something there, encrypted."""
        ...

    def get(self, key: str) -> bytes | None:
        """What is kept there; None if there is nothing."""
        ...


def open_bucket(project: Project, state: State) -> Bucket:  # noqa: ARG001
    """The bucket of a state that is not on this machine."""
    if state.store is Store.S3:
        from dogctl.clouds import aws

        return aws.Bucket(state.bucket, aws.region_of(state.region))
    raise AssertionError(f"{state.store} has no bucket")
