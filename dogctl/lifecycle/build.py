"""`dogctl build`: the image of what is checked out, unless it is there already."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Fields, Text
from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle.builder import (
    build_failure,
    require_platforms,
    shortcomings,
    usable_caches,
)
from dogctl.lifecycle.local import Paths, locked
from dogctl.lifecycle.recipe import OCI_LABEL, Recipe, project_recipe
from dogctl.lifecycle.source import Source, read_source
from dogctl.lifecycle.tags import image_tags
from dogctl.plan import Plan, Results, Run, Step
from dogctl.tools.build_context import KEY_LABEL, place_dockerfile
from dogctl.tools.build_progress import BuildProgress
from dogctl.tools.buildx import Builder, Buildx, Order
from dogctl.tools.docker import Docker, Image
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project

# Another dogctl may be building the same image.
LOCK_PATIENCE = 3600.0


@dataclass(frozen=True)
class How:
    """What a user asks of one build.

    Args:
        force: build even if the image is there.
        use_cache: False to run every step again; that builds in any case.
        pull: look for newer base images; that builds in any case.
    """

    force: bool = False
    use_cache: bool = True
    pull: bool = False

    @property
    def always(self) -> bool:
        """Whether an image that is there does not count."""
        return self.force or self.pull or not self.use_cache


@dataclass(frozen=True)
class Built:
    """The image, whether this run has made it, in how many seconds, and what to know of that."""

    image: Image
    fresh: bool = False
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def plan_build(project: Project, how: How | None = None, runner: Runner = LOCAL) -> Plan:
    """Build the image, and see that it has its tags.

    Raises ToolError where there is no engine, ConfigError where there is nothing to build from.
    """
    _require_secrets(project)
    with ThreadPoolExecutor() as pool:  # git takes its time, and so does the SDK's import
        connecting = pool.submit(Docker.connect)
        source = read_source(project, runner)
    recipe = project_recipe(project, source)
    tags = image_tags(project, source)
    docker = connecting.result()
    work = _Work(project, how or How(), source, recipe, tags, docker, Buildx(runner))
    return Plan("build", (work.build(), work.tag()))


def _require_secrets(project: Project) -> None:
    unset = [name for name, value in project.settings.build_secrets.items() if not value.reveal()]
    if unset:
        raise ConfigError(
            f"the build needs a secret, and ${unset[0]} is not set",
            code="build-secret-unset",
            where=project.origins["build_secrets"],
            hint=f"export {unset[0]} and run the command again",
        )


def answer_build(project: Project, results: Results) -> Answer:
    """What was built, under which names."""
    built: Built = results["build"]
    tags: tuple[ImageRef, ...] = results["tag"]
    labels = built.image.labels
    platforms = project.settings.platforms or (built.image.platform,)
    state = f"built in {built.seconds:.1f} s" if built.fresh else "already built: nothing to do"
    headline = f"{project.settings.name} is {state}"
    if project.bundled:
        headline += " (no project here: this is the app that comes with dogctl)"
    return Answer(
        {
            "image": str(tags[0]),
            "tags": list(map(str, tags)),
            "id": built.image.id,
            "key": labels[KEY_LABEL],
            "version": labels[f"{OCI_LABEL}version"],
            "revision": labels.get(f"{OCI_LABEL}revision"),
            "platforms": list(platforms),
            "built": built.fresh,
            "seconds": round(built.seconds, 3),
            "notes": list(built.notes),
        },
        (
            Text(headline),
            Fields(
                (
                    ("Image", str(tags[0])),
                    *(("Also", str(tag)) for tag in tags[1:]),
                    ("Id", built.image.id),
                    ("Platform", ", ".join(platforms)),
                    *(("Note", note) for note in built.notes),
                )
            ),
        ),
    )


@dataclass(frozen=True)
class _Work:
    """One image, as it is wanted."""

    project: Project
    how: How
    source: Source
    recipe: Recipe
    tags: tuple[ImageRef, ...]
    docker: Docker
    buildx: Buildx

    def build(self) -> Step:
        def done(_: Results) -> Built | None:
            return None if self.how.always else self._found()

        def run(step: Run) -> Built:
            with locked(self._paths, step.sleep, LOCK_PATIENCE, step.progress) as lock:
                # Another dogctl may have been faster.
                return done(step.results) or self._make(step, lock)

        change = f"build {self.tags[0]} from {self.recipe.context}"
        left = "no image was made"
        return Step("build", lambda _: change, run, done=done, left=lambda _: left)

    def tag(self) -> Step:
        def done(results: Results) -> tuple[ImageRef, ...] | None:
            images = [self.docker.image(str(tag)) for tag in self.tags]
            wanted = results["build"].image.id
            return self.tags if all(each and each.id == wanted for each in images) else None

        def run(step: Run) -> tuple[ImageRef, ...]:
            for tag in self.tags:
                self.docker.tag(step.results["build"].image.id, tag)
            return self.tags

        change = f"name it {', '.join(map(str, self.tags))}"
        return Step("tag", lambda _: change, run, needs=("build",), done=done)

    @property
    def _paths(self) -> Paths:
        return Paths(self.project.state)

    def _found(self) -> Built | None:
        """The image, if it is there and made of just this."""
        image = self.docker.image(str(self.tags[0]))
        return Built(image) if image and image.labels.get(KEY_LABEL) == self._key() else None

    def _key(self) -> str:
        # Anew each time: somebody may edit while we wait for the lock.
        return self.recipe.key(self.docker)

    def _make(self, step: Run, lock: int) -> Built:
        began = monotonic()
        progress = self.buildx.progress()
        builder = self.buildx.builder(step.stop)
        require_platforms(self.recipe.platforms, self.docker)
        order = self._order(builder)
        hearing = BuildProgress()

        def listen(line: str) -> None:
            for message in hearing.hear(line):
                step.progress(message)

        done = self.buildx.build(order, progress, listen, step.stop, (lock,))
        image = self.docker.image(str(self.tags[0]))
        if done.code or image is None:
            foreign = [each for each in self.recipe.platforms if each not in builder.platforms]
            raise build_failure(hearing, self.recipe.file, foreign)
        notes = shortcomings(
            builder,
            dated=order.epoch is not None,
            caches=self.project.settings.cache_to,
            used=order.cache_to,
        )
        return Built(image, True, monotonic() - began, tuple(notes))

    def _order(self, builder: Builder) -> Order:
        settings = self.project.settings
        return Order(
            context=self.recipe.context,
            dockerfile=place_dockerfile(
                self.recipe.context, self.recipe.dockerfile, self._paths.build
            ),
            # All at once, so that an interrupted build leaves none of them.
            tags=self.tags,
            args=self.recipe.args,
            labels={**self.recipe.labels, KEY_LABEL: self._key()},
            target=self.recipe.target,
            platforms=self.recipe.platforms,
            secrets=tuple(settings.build_secrets),
            cache_from=settings.cache_from,
            cache_to=usable_caches(settings.cache_to, builder, self.docker),
            epoch=self.source.time,
            rewrite_times=builder.rewrites_times and self.source.time is not None,
            use_cache=self.how.use_cache,
            pull=self.how.pull,
        )
