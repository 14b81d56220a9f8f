"""The registry of a project's image, with the login that there is for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from dogctl.lifecycle.image import image_name, login_for
from dogctl.registries.base import Login
from dogctl.registries.http import Pause
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Remember

if TYPE_CHECKING:
    from dogctl.config.model import Project

Found = TypeVar("Found")


class _Busy(Exception):  # noqa: N818  (no error: an answer that would have to be waited for)
    pass


class Place:
    """Where the project's image goes, or another registry; for one step at a time.

    `remember` hears of every password before it is used.
    """

    def __init__(self, project: Project, remember: Remember, registry: str | None = None) -> None:
        self._name = registry or image_name(project).registry
        self._project = project
        self._remember = remember
        self._pause: Pause = _give_up

    def login(self) -> Login | None:
        """The login for it. Raises DogctlError."""
        return login_for(self._project, self._name, self._remember)

    def open(self, pause: Pause) -> OciRegistry:
        """The registry; `pause` waits some seconds where it has to be waited for."""
        self._pause = pause
        return self._registry

    def look(self, ask: Callable[[OciRegistry], Found]) -> Found | None:
        """The answer to a question, None if the registry wants to be asked later."""
        try:
            return ask(self.open(_give_up))
        except _Busy:
            return None

    @cached_property
    def _registry(self) -> OciRegistry:
        # One for all steps, since to connect with TLS and to log in takes time.
        return OciRegistry(self._name, self.login, pause=lambda seconds: self._pause(seconds))


def _give_up(_: float) -> None:
    raise _Busy
