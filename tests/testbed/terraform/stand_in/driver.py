"""What a provider is, besides the protocol: one class that knows what its resources do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Value = Any
State = dict[str, Any]


class Refused(Exception):  # noqa: N818  (a provider's errors are words for people)
    """An error as the provider words it, and what is there all the same."""

    def __init__(self, summary: str, detail: str = "", *, left: State | None = None) -> None:
        super().__init__(summary)
        self.detail = detail
        self.left = left


class Driver(Protocol):
    """What the resources of a provider do. All but `plan` may raise Refused.

    `sensitive` has the attributes that Terraform does not show, by type; those of the provider's
    own block are at "".
    """

    sensitive: Mapping[str, frozenset[str]]

    def configure(self, config: State) -> None:
        """Take what the provider's block says."""

    def defaults(self, kind: str) -> Mapping[str, Value]:
        """What is planned where a configuration says nothing."""

    def computed(self, kind: str) -> tuple[str, ...]:
        """Optional attributes that are known after a create only, where nobody gives them."""

    def force_new(self, kind: str) -> tuple[str, ...]:
        """Attributes that make a new resource where they change."""

    def plan(self, kind: str, prior: State | None, planned: State, config: State) -> State:
        """The plan with what the provider knows already."""

    def create(self, kind: str, planned: State) -> State:
        """Make it; its state."""

    def update(self, kind: str, prior: State, planned: State) -> State:
        """Change it; its state."""

    def delete(self, kind: str, prior: State) -> None:
        """Remove it."""

    def read(self, kind: str, state: State) -> State | None:
        """Its state, or None if it is gone."""

    def data(self, kind: str, config: State) -> State:
        """What a data source says."""
