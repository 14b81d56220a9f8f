"""What an image is made of, and the key that says whether it has to be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle.source import Source
from dogctl.tools.build_context import content_key
from dogctl.tools.docker import Docker, Image
from dogctl.tools.dockerfile import Dockerfile, read_dockerfile

if TYPE_CHECKING:
    from dogctl.config.model import Project

# https://github.com/opencontainers/image-spec/blob/main/annotations.md
OCI_LABEL = "org.opencontainers.image."


@dataclass(frozen=True)
class Recipe:
    """All that goes into one image.

    Args:
        context: the folder that is sent to the builder.
        dockerfile: relative to it.
        args: build arguments.
        target: the stage that becomes the image, if not the last one.
        platforms: what it is for, if not for the platform of the engine.
        labels: what it says of itself.
    """

    context: Path
    dockerfile: str = "Dockerfile"
    args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    platforms: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The Dockerfile."""
        return self.context / self.dockerfile

    @cached_property
    def contents(self) -> Dockerfile:
        """What the Dockerfile says; nothing if it cannot be read, which the builder will tell."""
        try:
            text = self.file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            text = ""
        return read_dockerfile(text, self.args)

    def key(self, docker: Docker) -> str:
        """The same key, the same image.

        A base image counts as the engine has it. One that it does not keep counts by its name:
        to ask a registry each time would take longer than the build, and fail on a train.
        """
        bases = {name: _base(docker, name) for name in self.contents.images}
        parts = (
            f"target {self.target or ''}",
            *(f"platform {each}" for each in self.platforms),
            *(f"label {name}={value}" for name, value in sorted(self.labels.items())),
            *(f"base {name} {image.id if image else ''}" for name, image in bases.items()),
        )
        return content_key(self.context, self.dockerfile, self.args, parts)


def _base(docker: Docker, name: str) -> Image | None:
    """A base image as the engine has it; what is no name of one is for the builder to tell."""
    try:
        ImageRef.parse(name)
    except ValueError:
        return None
    return docker.image(name)


def project_recipe(project: Project, source: Source) -> Recipe:
    """The project's image as it would be built from this source.

    It says of itself what it was built from, in labels and in those build arguments that its
    Dockerfile declares. Raises ConfigError if there is no Dockerfile.
    """
    settings = project.settings
    facts = {
        "version": source.version,
        "revision": source.revision,
        "created": source.created,
        "source": source.url,
    }
    known = {name: value for name, value in facts.items() if value}
    recipe = Recipe(
        context=(project.root / settings.build_context).resolve(),
        dockerfile=settings.dockerfile,
        args=settings.build_args,
        target=settings.build_target,
        platforms=settings.platforms,
        labels={OCI_LABEL + name: value for name, value in known.items()},
    )
    if not recipe.file.is_file():
        raise ConfigError(
            "there is no such file to build the image from",
            code="no-dockerfile",
            where=str(recipe.file),
            hint="add one, or name another by the settings build-context and dockerfile",
        )
    said = {name.upper(): value for name, value in known.items()}
    declared = {n: value for n, value in said.items() if n in recipe.contents.arguments}
    return replace(recipe, args={**declared, **settings.build_args})
