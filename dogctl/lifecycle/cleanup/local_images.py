"""The images that dogctl has made on this machine, and which of them may go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dogctl.errors import ToolError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.cleanup.retention import InUse
from dogctl.lifecycle.compose_engine import project_name
from dogctl.lifecycle.image import image_name
from dogctl.lifecycle.recipe import OCI_LABEL
from dogctl.lifecycle.source import read_source
from dogctl.lifecycle.tags import image_tags
from dogctl.plan import Run
from dogctl.registries.inventory import Inventory, Item
from dogctl.tools.build_context import KEY_LABEL
from dogctl.tools.docker import PROJECT, Docker, Image

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.tools.runner import Runner

SOURCE = f"{OCI_LABEL}source"
MOVED = "its names have changed"


@dataclass(frozen=True)
class OwnImages:
    """The images of one project that dogctl has built, known by the label that it gives them.

    An image counts as the project's by its repository and the source that it says it is from, or by
    the stack that Compose built it for. One that somebody else built is none of them, whatever it
    is called.
    """

    project: Project
    docker: Docker
    runner: Runner

    @cached_property
    def _url(self) -> str | None:
        return read_source(self.project, self.runner).url

    def take(self) -> Inventory:
        """All of them. Raises DogctlError."""
        return Inventory(tuple(map(self._item, self._images())))

    def in_use(self) -> InUse:
        """What containers have, `dogctl up` starts, or is checked out. Raises DogctlError."""
        digests = {}
        checked_out = set(image_tags(self.project, read_source(self.project, self.runner)))
        for image in self._images():
            if self._of_stack(image) and image.names:
                digests[Digest.parse(image.id)] = "dogctl up starts it"
            if checked_out & set(image.names):
                digests[Digest.parse(image.id)] = "it is of what is checked out"
        for found, container in self.docker.used_images().items():
            digests[Digest.parse(found)] = f"container {container}"
        return InUse(digests, {})

    def remove(self, item: Item, step: Run) -> str | None:
        """Remove an image by its own names; why not, if it stays. Raises ToolError, Cancelled.

        A name that others have given it keeps it under that name.
        """
        image = self.docker.image(str(item.digest))
        if image is None:
            return None
        own = self._own_names(image)
        if tuple(sorted(_tags(own))) != item.tags:
            return MOVED
        for name in map(str, own) if own else (image.id,):
            step.check()
            try:
                self.docker.remove_image(name)
            except ToolError as error:
                if error.code != "engine-refused":
                    raise
                return error.message
        return None

    def _images(self) -> Iterator[Image]:
        for image in self.docker.images(KEY_LABEL):
            if self._of_stack(image) or self._own_names(image):
                yield image

    def _of_stack(self, image: Image) -> bool:
        return image.labels.get(PROJECT) == project_name(self.project)

    def _own_names(self, image: Image) -> tuple[ImageRef, ...]:
        if self._of_stack(image):
            return image.names
        if image.labels.get(SOURCE) != self._url:
            return ()  # another project may have the same name
        name = image_name(self.project).name
        return tuple(each for each in image.names if each.name == name)

    def _item(self, image: Image) -> Item:
        tags = tuple(sorted(_tags(self._own_names(image))))
        return Item(Digest.parse(image.id), tags=tags, pushed=image.tagged, size=image.size)


def _tags(names: tuple[ImageRef, ...]) -> list[str]:
    return [each.tag for each in names if each.tag]
