"""docker buildx: images by BuildKit."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dogctl.errors import ToolError
from dogctl.image import ImageRef
from dogctl.tools.runner import NOT_STARTED, Completed, Listener, Runner

INSTALL = "https://docs.docker.com/build/install-buildx/"
COMMAND = ("docker", "buildx")
SECONDS = 30.0
# To start a builder, which may have to be downloaded first.
START_SECONDS = 300.0
# The first with progress as JSON: https://github.com/docker/buildx/releases/tag/v0.13.0
JSON_SINCE = (0, 13)
# The first BuildKit that can set the times inside of layers; the one inside the Docker engine
# cannot, with either image store: https://github.com/moby/buildkit/issues/4230
REWRITES_SINCE = (0, 13)
# Distributions build it without.
UNKNOWN = (0, 0)
DOCKER_DRIVER = "docker"
EPOCH = "SOURCE_DATE_EPOCH"


@dataclass(frozen=True)
class Builder:
    """Who builds: the one that `docker buildx use` or BUILDX_BUILDER names.

    Args:
        name: its name.
        driver: docker (the engine itself), docker-container, kubernetes or remote.
        buildkit: its BuildKit's version; UNKNOWN if it does not say.
        platforms: what it can build for.
    """

    name: str
    driver: str
    buildkit: tuple[int, int]
    platforms: tuple[str, ...]

    @property
    def rewrites_times(self) -> bool:
        """Whether it can give every file in a layer the same time, as far as is known."""
        known = self.buildkit != UNKNOWN
        return self.driver != DOCKER_DRIVER and (self.buildkit >= REWRITES_SINCE or not known)


@dataclass(frozen=True)
class Order:
    """One image to build; what has no value is left to the builder.

    Args:
        context: the folder that is sent to the builder.
        dockerfile: its path.
        tags: the names that the image gets.
        args: build arguments; seen by every user of this machine, so no secrets.
        labels: of the image.
        target: the stage that becomes the image.
        platforms: such as linux/amd64.
        secrets: environment variables that are secrets of the build, by name.
        cache_from: where to take layers from, in buildx's words.
        cache_to: where to leave them.
        epoch: seconds since 1970 that count as now in the image.
        rewrite_times: whether files in layers get that time too.
        use_cache: False to run every step again.
        pull: whether to look for newer base images.
    """

    context: Path
    dockerfile: Path
    tags: Sequence[ImageRef]
    args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    platforms: Sequence[str] = ()
    secrets: Sequence[str] = ()
    cache_from: Sequence[str] = ()
    cache_to: Sequence[str] = ()
    epoch: int | None = None
    rewrite_times: bool = False
    use_cache: bool = True
    pull: bool = False

    def argv(self, progress: str) -> list[str]:
        """The command line; `progress` is buildx's word for how it tells it."""
        args = {**({EPOCH: str(self.epoch)} if self.epoch is not None else {}), **self.args}
        rewriting = ",rewrite-timestamp=true" if self.rewrite_times else ""
        return [
            *COMMAND,
            "build",
            f"--progress={progress}",
            f"--file={self.dockerfile}",
            f"--output=type=docker{rewriting}",
            # It holds the time of the build, so no two images would be the same.
            "--provenance=false",
            *(f"--tag={tag}" for tag in self.tags),
            *(f"--build-arg={name}={value}" for name, value in args.items()),
            *(f"--label={name}={value}" for name, value in self.labels.items()),
            *([f"--target={self.target}"] if self.target else []),
            *([f"--platform={','.join(self.platforms)}"] if self.platforms else []),
            *(f"--secret=id={name},env={name}" for name in self.secrets),
            *(f"--cache-from={each}" for each in self.cache_from),
            *(f"--cache-to={each}" for each in self.cache_to),
            *([] if self.use_cache else ["--no-cache"]),
            *(["--pull"] if self.pull else []),
            str(self.context),
        ]


@dataclass(frozen=True)
class Buildx:
    """The plugin. Every method raises ToolError where it is missing."""

    runner: Runner

    def progress(self) -> str:
        """The best of its ways to tell progress: rawjson or plain."""
        done = self._run([*COMMAND, "version"], timeout=SECONDS)
        if done.code:
            raise _missing("docker has no buildx plugin")
        return (
            "rawjson" if _version(done.stdout.decode(errors="replace")) >= JSON_SINCE else "plain"
        )

    def builder(self, stop: threading.Event) -> Builder:
        """The builder in use, running. Raises ToolError if it cannot be asked, Cancelled."""
        done = self._run([*COMMAND, "inspect", "--bootstrap"], timeout=START_SECONDS, stop=stop)
        if done.code:
            raise ToolError(
                "the builder cannot be used",
                code="builder-unusable",
                where="docker buildx inspect",
                hint="docker buildx ls shows the builders, docker buildx use chooses one",
                detail=tuple(done.stderr.splitlines()[-5:]),
            )
        return read_builder(done.stdout.decode(errors="replace"))

    def build(
        self,
        order: Order,
        progress: str,
        listen: Listener,
        stop: threading.Event,
        inherit: Sequence[int] = (),
    ) -> Completed:
        """Build, tell what it prints line by line, and answer how it ended. Raises Cancelled."""
        return self._run(order.argv(progress), listen=listen, stop=stop, inherit=inherit)

    def _run(self, argv: Sequence[str], **options: Any) -> Completed:
        try:
            return self.runner.run(argv, **options)
        except ToolError as error:
            if error.code == NOT_STARTED:
                raise _missing("the docker command is not on the PATH") from error
            raise


def read_builder(text: str) -> Builder:
    """Read what `docker buildx inspect` prints; of several nodes the first one counts."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    platforms = (each.strip(" *") for each in fields.get("platforms", "").split(","))
    return Builder(
        name=fields.get("name", ""),
        driver=fields.get("driver", DOCKER_DRIVER),
        # "Buildkit:" before buildx 0.13
        buildkit=_version(fields.get("buildkit version") or fields.get("buildkit", "")),
        platforms=tuple(each for each in platforms if each),
    )


def _version(text: str) -> tuple[int, int]:
    found = re.search(r"\bv?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else UNKNOWN


def _missing(what: str) -> ToolError:
    return ToolError(
        what,
        code="buildx-missing",
        where="docker buildx",
        hint=f"install Docker Buildx ({INSTALL}) and run the command again",
    )
