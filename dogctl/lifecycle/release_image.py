"""Which image is released: by its digest in the registry, or loaded into the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dogctl.errors import ConfigError, DogctlError
from dogctl.image import ImageRef
from dogctl.lifecycle.image import image_name, shown
from dogctl.lifecycle.push_names import push_names
from dogctl.lifecycle.push_registry import Place
from dogctl.lifecycle.source import read_source
from dogctl.lifecycle.tags import image_tags
from dogctl.lifecycle.targets import TargetDriver, load_step
from dogctl.plan import Results, Run, Step
from dogctl.registries.base import Registry
from dogctl.registries.refusals import NO_IMAGE
from dogctl.secrets import Remember
from dogctl.tools.runner import Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

IMAGE = "image"


def image_step(
    project: Project,
    target: TargetDriver,
    given: str | None,
    needs: tuple[str, ...],
    remember: Remember,
    runner: Runner,
) -> Step:
    """Find the image in its registry, or bring it into a cluster on this machine.

    Raises ConfigError if what is given is no image.
    """
    if target.pushes:
        wanted = given_image(project, given) if given else push_names(project, (), runner).version
        _refuse_unclean(project, wanted)
        return _find(project, wanted, needs, remember)
    local = given_image(project, given) if given else _local(project, runner)
    return load_step(target, lambda _: local, needs, name=IMAGE)


def _refuse_unclean(project: Project, wanted: ImageRef) -> None:
    """A protected environment gets what a commit has, so that it can be had again."""
    if project.settings.protected and ".dirty." in (wanted.tag or ""):
        raise ConfigError(
            f"{project.environment} is protected, and {shown(wanted)} is of no commit",
            code="unclean-tree",
            where=str(project.root),
            hint="commit first, or name an image with --image",
        )


def _find(project: Project, wanted: ImageRef, needs: tuple[str, ...], remember: Remember) -> Step:
    place = Place(project, remember, wanted.registry)

    def done(_: Results) -> ImageRef | None:
        return place.look(lambda registry: _pinned(registry, wanted))

    def run(step: Run) -> ImageRef:
        return step.interruptible(lambda: _pinned(place.open(step.sleep), wanted))

    def change(results: Results) -> str:
        return f"find {shown(results.get(IMAGE, wanted))} in its registry"

    return Step(IMAGE, change, run, needs=needs, done=done, looks=True)


def _local(project: Project, runner: Runner) -> ImageRef:
    """What `dogctl build` calls the image of what is checked out."""
    return image_tags(project, read_source(project, runner))[0]


def given_image(project: Project, text: str) -> ImageRef:
    """What --image names: a whole name, or a tag or digest in the project's repository."""
    try:
        if text.startswith((":", "@")):
            return ImageRef.parse(f"{image_name(project).name}{text}")
        return ImageRef.parse(text)
    except ValueError as error:
        raise ConfigError(
            str(error), code="bad-image", where="--image", hint="such as team/app:1.4.0"
        ) from None


def _pinned(registry: Registry, wanted: ImageRef) -> ImageRef:
    digest = registry.resolve(wanted)
    if digest is None:
        raise DogctlError(
            f"there is no image {shown(wanted)}",
            code=NO_IMAGE,
            where=wanted.registry,
            hint="dogctl build && dogctl push, or dogctl release --image NAME for another",
        )
    return wanted.pinned(digest)
