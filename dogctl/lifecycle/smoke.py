"""`dogctl smoke`: the image in a stack of its own, with a real database, asked what it is to answer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dogctl.answer import Answer, Block, Fields, Table, Text
from dogctl.errors import ConfigError
from dogctl.image import ImageRef
from dogctl.lifecycle.app import compose_variables
from dogctl.lifecycle.compose_engine import find_file
from dogctl.lifecycle.image import image_name, login_for, shown
from dogctl.lifecycle.smoke_passes import Pass
from dogctl.lifecycle.smoke_report import rows
from dogctl.lifecycle.smoke_runs import Runs
from dogctl.lifecycle.smoke_stack import SmokeTest, leftovers
from dogctl.lifecycle.source import read_source
from dogctl.lifecycle.tags import version_tag
from dogctl.plan import Plan, Results
from dogctl.secrets import Remember
from dogctl.tools.compose import Compose, require_compose
from dogctl.tools.docker import Docker
from dogctl.tools.runner import LOCAL, Runner

if TYPE_CHECKING:
    from dogctl.config.model import Project
    from dogctl.lifecycle.smoke_stack import Image, Up

# The stack brings a database of its own: nobody else's is to be written to.
OTHER_DATABASES = ("DATABASE_URL", "DB_HOST", "DB_PORT")


def plan_smoke(
    project: Project,
    image: str | None,
    *,
    again: bool,
    keep: bool,
    remember: Remember = lambda _: None,
    runner: Runner = LOCAL,
    environ: Mapping[str, str] = os.environ,
) -> Plan:
    """The image in a stack of its own, the checks, and the removal of the stack.

    Args:
        image: a name that the engine has or can pull; None for what `dogctl build` has made.
        again: whether to test what has passed before.
        keep: whether to leave the stack up.
        remember: hears of every password before it is used, to keep it out of all outputs.

    Raises ToolError without an engine, or where Compose refuses the file; ConfigError if there is
    no compose file, or none that this can be done with.
    """
    file = find_file(project)
    if file is None:
        raise ConfigError(
            f"there is no compose file in {project.root}",
            code="no-compose-file",
            where=project.origins["compose_file"],
            hint="add a compose.yaml with the app and its database",
        )
    ref = _parse(image) if image else _built(project, runner)
    docker = Docker.connect()
    require_compose(runner)
    runs = Runs(project, docker, runner)
    variables = compose_variables(project, runs.base, ref.tag or "")
    environ = {k: v for k, v in {**environ, **variables}.items() if k not in OTHER_DATABASES}
    compose = Compose(file, runs.base, environ, runner)
    test = SmokeTest(
        project,
        ref,
        not image,
        compose,
        runs,
        lambda: login_for(project, ref.registry, remember),
        again=again,
        keep=keep,
    )
    return Plan("smoke", test.steps())


def plan_clean(project: Project, runner: Runner = LOCAL) -> Plan:
    """Remove the stacks that were kept, and those of dead smoke tests."""
    runs = Runs(project, Docker.connect(), runner)
    return Plan("smoke", (leftovers(runs, kept=True),))


def answer_smoke(results: Results) -> Answer:
    """A table of the checks with their times, and where a stack that was kept is."""
    image: Image = results["image"]
    start: Pass | Up = results["start"]
    findings = [f for step in ("checks", "restart") if step in results for f in results[step]]
    kept = start if not isinstance(start, Pass) and "keep" in results else None
    url = results["keep"] if kept else None
    data = {
        "image": str(image.ref),
        "image_id": image.id,
        "already": isinstance(start, Pass),
        "passed": start.when if isinstance(start, Pass) else None,
        "checks": [each.as_data() for each in findings],
        "kept": kept and kept.name,
        "url": url,
        "removed": list(results["leftovers"]),
    }
    if isinstance(start, Pass):
        headline = f"{shown(image.ref)} passed already, at {start.when}: nothing to do"
        return Answer(data, (Text(headline), Fields((("Again", "dogctl smoke --again"),))))
    blocks: tuple[Block, ...] = (
        Text(f"{shown(image.ref)} passed the smoke test"),
        Table(("RESULT", "CHECK", "TIME"), tuple(row[:3] for row in rows(findings))),
    )
    if kept:
        look = f"docker compose --project-name {kept.name} logs"
        fields = (("URL", url or "-"), ("Look", look), ("Remove", "dogctl smoke --clean"))
        blocks += (Text(""), Fields(fields))
    return Answer(data, blocks)


def answer_clean(results: Results) -> Answer:
    """Which stacks are gone."""
    removed = list(results["leftovers"])
    text = f"Removed {', '.join(removed)}" if removed else "No smoke test has left anything"
    return Answer({"removed": removed}, (Text(text),))


def _parse(image: str) -> ImageRef:
    try:
        ref = ImageRef.parse(image)
    except ValueError as error:
        raise ConfigError(str(error), code="bad-image", where="IMAGE") from None
    return ref if ref.tag or ref.digest else ref.tagged("latest")


def _built(project: Project, runner: Runner) -> ImageRef:
    return image_name(project).tagged(version_tag(read_source(project, runner).version))
