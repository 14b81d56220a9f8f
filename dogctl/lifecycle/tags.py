"""Under which names an image is known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle.image import image_name
from dogctl.lifecycle.source import Source

if TYPE_CHECKING:
    from dogctl.config.model import Project

BRANCH = "{branch}"


def version_tag(version: str) -> str:
    """A version as a tag; SemVer's plus, which no version of a project has, but dogctl's own."""
    return version.replace("+", "-")


def image_tags(project: Project, source: Source) -> tuple[ImageRef, ...]:
    """The version, the commit if the files are exactly its own, and what the settings add.

    The first one is the version's. Raises ConfigError if one of them is no tag.
    """
    name = image_name(project)
    branch = re.sub(r"[^A-Za-z0-9_.-]+", "-", source.branch or "").lstrip("-.")
    extra = [
        tag.replace(BRANCH, branch) for tag in project.settings.tags if branch or BRANCH not in tag
    ]
    words = [version_tag(source.version), *([source.short] if source.short else []), *extra]
    try:
        return tuple(name.tagged(word) for word in dict.fromkeys(words))
    except ValueError as error:
        raise ConfigError(
            str(error),
            code="bad-tag",
            where=project.origins["tags"] if extra else source.version,
            hint="dogctl config shows the settings, git tag the versions",
        ) from error
