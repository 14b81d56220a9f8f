"""`dogctl push`: the image in its registry, under a candidate's tag and then under a release's.

Only the candidate is pushed. The release's tags are put on its digest in the registry, so they
name what was tested, and putting them takes no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Text
from dogctl.errors import ConfigError, DogctlError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.push_names import Names, push_names
from dogctl.lifecycle.push_registry import Place
from dogctl.lifecycle.push_upload import Upload, is_known, seen
from dogctl.plan import Plan, Results, Run, Step
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Remember
from dogctl.tools.docker import Docker, Image
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

MEGABYTE = 1_000_000


class Part(StrEnum):
    """Which part of a push to do."""

    ALL = "all"
    CANDIDATE = "candidate"
    RELEASE = "release"


@dataclass(frozen=True)
class Candidate:
    """Where the candidate is in the registry, and whether it was pushed just now."""

    ref: ImageRef
    digest: Digest
    fresh: bool = False


@dataclass(frozen=True)
class Release:
    """The tags of the release, its version first, and those of them that were put just now."""

    ref: ImageRef
    tags: tuple[str, ...]
    put: tuple[str, ...] = ()


def plan_push(
    project: Project,
    part: Part = Part.ALL,
    *,
    image: str | None = None,
    tags: Sequence[str] = (),
    force: bool = False,
    remember: Remember = lambda _: None,
    runner: Runner = LOCAL,
) -> Plan:
    """Push the candidate, then put the release's tags on it; or one part of that.

    Args:
        image: the local image, if not the one that `dogctl build` made of this version.
        tags: further tags of the release.
        force: move the tag of a released version, too.
        remember: hears of every password before it is used, to keep it out of all outputs.

    Raises DogctlError: there is no repository or no such image, or the engine is away.
    """
    named = push_names(project, tags, runner)
    place = Place(project, remember)
    if part is Part.RELEASE:
        first = _find(place, named.candidate)
        return Plan("push", (first, *_tag(place, named, force=force)))
    docker = Docker.connect()
    local = _local_image(docker, named, image)
    first = _push(place, docker, named.candidate, local)
    if part is Part.CANDIDATE:
        return Plan("push", (first,))
    return Plan("push", (first, *_tag(place, named, force=force)))


def which_part(
    image: str | None,
    tags: Sequence[str] | None,
    *,
    candidate: bool,
    promote: bool,
    force: bool = False,
) -> Part:
    """What the flags ask for. Raises ConfigError where one excludes another."""
    pairs = {
        ("--candidate", "--promote"): candidate and promote,
        ("--candidate", "--tag"): candidate and tags,
        ("--candidate", "--force"): candidate and force,
        ("--promote", "--image"): promote and image,
    }
    for (one, other), both in pairs.items():
        if both:
            raise ConfigError(
                f"{one} and {other} exclude each other",
                code="usage",
                where=other,
                hint="dogctl push --help",
            )
    return Part.CANDIDATE if candidate else Part.RELEASE if promote else Part.ALL


def answer_push(results: Results) -> Answer:
    """Where the image is, by its digest."""
    pushed: Candidate = results["candidate"]
    release: Release = results.get("release", Release(pushed.ref, ()))
    tags = (*release.tags, str(pushed.ref.tag))
    data = {
        "image": str(release.ref.pinned(pushed.digest)),
        "repository": release.ref.name,
        "digest": str(pushed.digest),
        "candidate": pushed.ref.tag,
        "tags": tags,
        "pushed": pushed.fresh,
        "tagged": release.put,
    }
    rows = (("Digest", str(pushed.digest)), ("Tags", ", ".join(tags)))
    return Answer(data, (Text(f"{release.ref} {_verdict(pushed, release)}"), Fields(rows)))


def _verdict(pushed: Candidate, release: Release) -> str:
    if pushed.fresh:
        return "is pushed"
    if release.put:
        return "is tagged: its content was already pushed"
    return "is already pushed: nothing to do"


def _local_image(docker: Docker, named: Names, image: str | None) -> Image:
    found = docker.image(_parse(image) if image is not None else str(named.version))
    if found is not None:
        return found
    if image is not None:
        raise ConfigError(
            f"there is no local image {image}",
            code="no-such-image",
            where="--image",
            hint="docker image ls shows the local images",
        )
    raise DogctlError(
        f"{named.version} is not built on this machine",
        code="image-not-built",
        hint="dogctl build",
        detail=("what another machine pushed as a candidate is released by --promote",),
    )


def _parse(image: str) -> str:
    try:
        ImageRef.parse(image)
    except ValueError as error:
        raise ConfigError(str(error), code="bad-image", where="--image") from None
    return image


def _push(place: Place, docker: Docker, ref: ImageRef, image: Image) -> Step:
    """The image under the candidate's tag."""

    def done(_: Results) -> Candidate | None:
        there = place.look(lambda registry: seen(registry, ref))
        return Candidate(ref, there) if there and is_known(image, ref, there) else None

    def run(step: Run) -> Candidate:
        return Candidate(ref, Upload(place, docker, ref, image, step).run(), fresh=True)

    size = f"{image.size / MEGABYTE:.1f} MB unpacked"
    return Step(
        "candidate",
        lambda _: f"push {ref} ({size})",
        run,
        done=done,
        left=lambda _: "layers that are up stay in the registry, and no tag is on them yet",
    )


def _find(place: Place, ref: ImageRef) -> Step:
    """The candidate that was pushed before, maybe by another machine."""

    def done(_: Results) -> Candidate | None:
        there = place.look(lambda registry: registry.resolve(ref))
        return Candidate(ref, there) if there else None

    def run(step: Run) -> Candidate:
        registry = place.open(step.sleep)
        there = step.interruptible(lambda: registry.resolve(ref))
        if there is None:
            raise DogctlError(
                f"the registry has no {ref} to promote",
                code="no-candidate",
                hint="dogctl push --candidate",
            )
        return Candidate(ref, there)

    return Step("candidate", lambda _: f"find {ref} in its registry", run, done=done)


def _tag(place: Place, named: Names, *, force: bool) -> tuple[Step, ...]:
    """The release's tags on the candidate's digest; no step if the candidate has them all."""
    tags = named.release
    if not tags:
        return ()

    def done(results: Results) -> Release | None:
        digest = results["candidate"].digest

        def look(registry: OciRegistry) -> bool:
            require_free(registry)
            return all(registry.resolve(named.version.tagged(tag)) == digest for tag in tags)

        return Release(named.version, tags) if place.look(look) else None

    def require_free(registry: OciRegistry) -> None:
        if named.released and not force:
            _require_same(registry, named)

    def run(step: Run) -> Release:
        digest = step.results["candidate"].digest
        registry = place.open(step.sleep)
        step.interruptible(lambda: require_free(registry))
        put = step.interruptible(lambda: registry.tag(named.version, digest, tags))
        return Release(named.version, tags, put)

    def change(results: Results) -> str:
        digest = results.show("candidate", lambda pushed: str(pushed.digest))
        return f"put {', '.join(tags)} on its digest there ({digest})"

    return (Step("release", change, run, needs=("candidate",), done=done),)


def _require_same(registry: OciRegistry, named: Names) -> None:
    """Raise DogctlError if the version is a release's already, and that of another image.

    Who has deployed it would get something else under the same name. The same image may have been
    packed in another way, such as by another engine: then its configuration is the same.
    """
    taken, ours = registry.resolve(named.version), registry.resolve(named.candidate)
    if taken in (None, ours):
        return
    config = registry.config(named.version)
    if config is None or config != registry.config(named.candidate):
        raise DogctlError(
            f"{named.version.tag} is released already, and is another image",
            code="version-taken",
            where=f"{named.version}@{taken}",
            hint="release this one as a new version, or dogctl push --force to replace the old one",
        )
