"""What the builder at hand can do of what is wanted, and why it failed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from dogctl.errors import ToolError
from dogctl.plan import Run
from dogctl.tools.build_context import place_dockerfile
from dogctl.tools.build_progress import BASE_IMAGE, LINES, BuildProgress
from dogctl.tools.buildx import DOCKER_DRIVER, UNKNOWN, Builder
from dogctl.tools.compose import Build, Compose
from dogctl.tools.docker import Docker

# What the kernel says of them.
FOREIGN_PROGRAM = "exec format error"
FULL_DISK = "no space left on device"
CONTAINERD_STORE = "https://docs.docker.com/engine/storage/containerd/"
EMULATION = "docker run --privileged --rm tonistiigi/binfmt --install"
OTHER_BUILDER = "docker buildx create --use makes a builder that can"


def require_platforms(platforms: Collection[str], docker: Docker) -> None:
    """Raise ToolError, saying what is missing, if the engine cannot keep what would be built."""
    if len(platforms) > 1 and not docker.keeps_platforms():
        raise ToolError(
            "this engine keeps an image for one platform only: it has the classic image store",
            code="one-platform-only",
            where="--platform",
            hint=f"turn on the containerd image store: {CONTAINERD_STORE}",
        )


def usable_caches(caches: Iterable[str], builder: Builder, docker: Docker) -> tuple[str, ...]:
    """Where this builder can leave layers: the engine's own with its classic store, inside of
    images only (https://docs.docker.com/build/cache/backends/#backends).
    """
    kept = tuple(caches)
    if builder.driver == DOCKER_DRIVER and not docker.keeps_platforms():
        return tuple(each for each in kept if "type=inline" in each.split(","))
    return kept


def shortcomings(
    builder: Builder, *, dated: bool, caches: Iterable[str], used: Iterable[str]
) -> Iterator[str]:
    """What the builder does not do, one line each.

    Args:
        dated: whether there is a commit whose time could be that of the files.
        caches: where layers were to be left.
        used: where they can be left.
    """
    if not dated:
        yield "not reproducible: without a commit there is no time for it"
    elif not builder.rewrites_times:
        yield (
            f"reproducible from the same cache only: the {builder.driver} driver cannot set the"
            f" times of files in layers; {OTHER_BUILDER}"
        )
    elif builder.buildkit == UNKNOWN:
        yield "reproducible if the builder's BuildKit, which tells no version, is 0.13 or later"
    for each in set(caches) - set(used):
        yield f"no layers were left in {each}: the {builder.driver} driver cannot; {OTHER_BUILDER}"


def guarded_dockerfile(service: str, build: Build, folder: Path) -> dict[str, str]:
    """Where a service's build is to read its Dockerfile, so that our own data stays out of the image.

    A copy in a folder beside `folder`; nothing if the Dockerfile stands in the compose file.
    """
    if not (build.context / build.dockerfile).is_file():
        return {}
    place = folder.with_name(f"{folder.name}-{service}")
    return {"dockerfile": str(place_dockerfile(build.context, build.dockerfile, place))}


def build_services(
    compose: Compose, services: Sequence[str], step: Run, inherit: Sequence[int] = ()
) -> None:
    """Build the images of these services of a compose file. Raises ToolError, Cancelled."""
    hearing = BuildProgress()

    def listen(line: str) -> None:
        for message in hearing.hear(line):
            step.progress(message)

    if compose.build(services, listen, step.stop, inherit).code:
        raise build_failure(hearing, compose.file)


def build_failure(
    hearing: BuildProgress, dockerfile: Path, foreign: Collection[str] = ()
) -> ToolError:
    """The cause of a build that failed, with the last lines of the step that did.

    `foreign`: platforms of the image that the builder does not run programs for. That need not
    matter: a Dockerfile may do its work on the builder's own.
    """
    stage = hearing.failed
    lines = (*(stage.lines if stage else ()), *hearing.text)[-2 * LINES :]
    if foreign and any(FOREIGN_PROGRAM in line for line in lines):
        return ToolError(
            f"the builder runs no programs for {', '.join(foreign)}",
            code="platform-missing",
            where="--platform",
            hint=f"{EMULATION} {','.join(each.split('/')[1] for each in foreign)} adds emulation",
            detail=lines,
        )
    if any(FULL_DISK in line.lower() for line in (*lines, stage.error if stage else "")):
        return ToolError(
            "the disk of the Docker engine is full",
            code="disk-full",
            where="docker system df",
            hint="docker system prune frees what nothing uses; then run the command again",
            detail=lines,
        )
    if stage and stage.name.startswith(BASE_IMAGE):
        return ToolError(
            f"the base image {stage.name.removeprefix(BASE_IMAGE)} cannot be read",
            code="base-image-unreadable",
            where=str(dockerfile),
            hint="see that its name is right and its registry can be reached, and docker login"
            " if it is private",
            detail=(stage.error,),
        )
    return ToolError(
        f"the image cannot be built: {stage.name} failed" if stage else "the image cannot be built",
        code="image-build-failed",
        where=str(dockerfile),
        hint="correct the step that failed and run the command again",
        detail=lines,
    )
