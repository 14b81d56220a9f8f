"""The bucket that keeps a state, and plans beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from dogctl.clouds import google
from dogctl.clouds.google import Account
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


def open_bucket(project: Project, state: State) -> Bucket:
    """The bucket of a state that is not on this machine."""
    if state.store is Store.S3:
        from dogctl.clouds import aws

        return aws.Bucket(state.bucket, aws.region_of(state.region))
    from dogctl.clouds import google_storage

    return google_storage.Bucket(state.bucket, account(project), google_project(project))


def account(project: Project) -> Callable[[], Account]:
    """Who we are to Google."""
    settings = project.settings
    return partial(google.account, settings.gcp_credentials or settings.gcp_sa_key, (google.CLOUD,))


def google_project(project: Project) -> str | None:
    """The project at Google, under either of its names."""
    return project.settings.project_id or project.settings.gcp_project
