"""`dogctl cleanup local` on a real engine: what is dead and ours goes, and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dogctl.config.load import load
from dogctl.execution import execute
from dogctl.lifecycle.cleanup.local import IMAGES, LocalCleanup, SweptImages
from dogctl.lifecycle.cleanup.local_images import SOURCE
from dogctl.lifecycle.cleanup.retention import Policy, keep_latest
from dogctl.lifecycle.compose_engine import project_name
from dogctl.lifecycle.smoke_runs import LABEL
from dogctl.plan import Step
from dogctl.tools.build_context import KEY_LABEL
from dogctl.tools.docker import PROJECT
from tests.dogctl.test_smoke import SmokeProject, orphans
from tests.eventually import eventually
from tests.testbed.engine import Engine, engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
BASE = "python:3.13-alpine"


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as here:
        yield here


@pytest.fixture
def tiny(tmp_path: Path, docker: Engine) -> Iterator[SmokeProject]:
    project = SmokeProject(tmp_path, docker)
    yield project
    project.dogctl("smoke", "--clean")
    left = project.left()
    project.run("docker", "image", "rm", "--force", project.image)
    assert left == ""


def kill_smoke_tests(project: SmokeProject, count: int = 1) -> None:
    """SIGKILL in the middle of some that run at once, while their containers start."""
    shown = ("docker", "ps", "--all", "--format", f'{{{{.Label "{PROJECT}"}}}}')
    with ExitStack() as stack:
        words = ("smoke", project.image)
        runs = [
            stack.enter_context(project.start(*words, DB_CHECK="sleep"))[1] for _ in range(count)
        ]
        eventually(lambda: len(set(project.run(*shown).split())) == count)
        for dogctl in runs:
            dogctl.kill()


def cleanup(project: SmokeProject, *words: str) -> Any:
    done = project.dogctl("cleanup", "local", *words, "--json")
    assert done.code == 0, done.err
    return done.json["data"]


def test_nothing_stays_of_a_smoke_test_that_was_killed(tiny: SmokeProject) -> None:
    with tiny.start("smoke", tiny.image, DB_CHECK="sleep") as (_, dogctl):
        eventually(lambda: tiny.left() != "")
        (running,) = cleanup(tiny, "--yes")["stacks"]
        assert (running["keep"], running["reason"]) == (True, "its smoke test runs")
        dogctl.kill()
    shown = cleanup(tiny, "--dry-run")
    (dead,) = shown["stacks"]
    assert (dead["keep"], dead["reason"]) == (False, "its smoke test has ended")
    assert tiny.left() != ""
    refused = tiny.dogctl("cleanup", "local")
    assert refused.code == 2
    assert "its smoke test has ended" in refused.err + refused.out
    assert tiny.left() != ""
    assert cleanup(tiny, "--yes")["removed_stacks"] == [dead["name"]]
    assert tiny.left() == ""
    assert list((tiny.root / ".dogctl/run/smoke").iterdir()) == []
    assert cleanup(tiny)["changed"] is False


def test_two_at_once_get_along(tiny: SmokeProject) -> None:
    kill_smoke_tests(tiny, 2)
    with (
        tiny.start("cleanup", "local", "--yes", "--json") as (one, _),
        tiny.start("cleanup", "local", "--yes", "--json") as (other, _),
    ):
        ends = [process.communicate(timeout=120) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], ends
    removed = {name for out, _ in ends for name in json.loads(out)["data"]["removed_stacks"]}
    assert len(removed) == 2
    assert tiny.left() == ""


def test_a_killed_cleanup_is_completed_by_the_next(tiny: SmokeProject) -> None:
    kill_smoke_tests(tiny, 2)
    before = tiny.left()
    with tiny.start("cleanup", "local", "--yes") as (_, dogctl):
        eventually(lambda: tiny.left() != before)
        dogctl.kill()
    cleanup(tiny, "--yes")
    assert tiny.left() == ""


def test_what_only_looks_like_it_stays(tiny: SmokeProject) -> None:
    """Names like ours without our label, and our label with the value of another project."""
    kill_smoke_tests(tiny)
    eventually(lambda: not orphans(tiny))
    base = f"{project_name(load(folder=tiny.root))}-smoke"
    other = ("--label", f"{LABEL}=of-others", "--label", f"{PROJECT}={base}-ffffffff")
    tiny.run("docker", "volume", "create", f"{base}-00000000_data")
    tiny.run("docker", "volume", "create", *other, f"{base}-ffffffff_data")
    tiny.run("docker", "network", "create", f"{base}-00000000_default")
    tiny.run("docker", "create", f"--name={base}-00000000-app-1", BASE)
    try:
        stacks = {each["name"]: each for each in cleanup(tiny, "--yes")["stacks"]}
        assert len(stacks) == 2
        assert stacks[f"{base}-ffffffff"]["reason"] == "another project's"
        volumes = tiny.run("docker", "volume", "ls", "--quiet")
        assert f"{base}-00000000_data" in volumes
        assert f"{base}-ffffffff_data" in volumes
        assert f"{base}-00000000_default" in tiny.run("docker", "network", "ls")
        assert f"{base}-00000000-app-1" in tiny.run("docker", "ps", "--all")
    finally:
        tiny.run("docker", "rm", f"{base}-00000000-app-1")
        tiny.run("docker", "network", "rm", f"{base}-00000000_default")
        tiny.run("docker", "volume", "rm", f"{base}-00000000_data", f"{base}-ffffffff_data")


def test_the_stack_of_up_and_its_data_stay(tiny: SmokeProject) -> None:
    assert tiny.dogctl("up").code == 0
    before = tiny.left()
    assert tiny.dogctl("down").code == 0
    kept = tiny.left()
    assert kept != before
    cleanup(tiny, "--yes", "--older-than", "0s")
    assert tiny.left() == kept
    tiny.dogctl("down", "--volumes", "--yes")


class Images:
    """Images on the engine, with dogctl's label or without."""

    def __init__(self, project: SmokeProject, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = project
        for name, value in project.docker.environ.items():
            monkeypatch.setenv(name, value)

    def make(self, name: str, number: int, *labels: str) -> str:
        """Its id. None is built from another one's layers."""
        words = [f"--label={each}" for each in (f"number={number}", *labels)]
        made = subprocess.run(
            ["docker", "build", "--quiet", *words, f"--tag={name}", "-"],
            input=f"FROM {BASE}\n",
            env=self.project.environ(),
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout.strip()

    def there(self, *names: str) -> list[str]:
        """Those of them that the engine has."""
        shown = self.project.run("docker", "images", "--all", "--no-trunc", "--format",
                                 "{{.Repository}}:{{.Tag}} {{.ID}}")  # fmt: skip
        return [name for name in names if name in shown]

    def cleanup(self, policy: Policy) -> tuple[dict[str, str], SweptImages]:
        """As if it were two days later: why what stays does, and what went."""
        later = datetime.now(UTC) + timedelta(days=2)
        made = LocalCleanup(load(folder=self.project.root), policy, now=later)
        found = made.found(execute(made.looking(), Silent()).results)
        report = execute(made.deleting(found), Silent())
        assert report.error is None
        stay = {str(each.item.digest): each.reason for each in found.images if each.keep}
        return stay, report.results[IMAGES]


class Silent:
    """Hears nothing."""

    def started(self, step: Step) -> None: ...
    def progress(self, step: Step, message: str) -> None: ...
    def glance(self, step: Step, message: str) -> None: ...
    def finished(self, step: Step, outcome: object) -> None: ...


def test_old_images_that_dogctl_made_go(
    tiny: SmokeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = Images(tiny, monkeypatch)
    key = f"{KEY_LABEL}=1"
    stack = f"{PROJECT}={project_name(load(folder=tiny.root))}"
    old = images.make("tiny:old", 1, key)
    twice = images.make("tiny:twice", 2, key)
    tiny.run("docker", "tag", "tiny:twice", "mine:twice")
    used = images.make("tiny:used", 3, key)
    tiny.run("docker", "create", "--name=uses-it", "tiny:used")
    by_hand = images.make("tiny:by-hand", 4)
    others = images.make("other:old", 5, key)
    namesake = images.make("tiny:namesake", 10, key, f"{SOURCE}=https://example.com/others")
    replaced = images.make("tiny-app", 6, key, stack)
    wanted = images.make("tiny-app", 7, key, stack)
    checked_out = images.make("tiny:0.0.0-dev.0.nogit", 8, key)
    newest = images.make("tiny:newest", 9, key)
    everything = (
        old,
        twice,
        used,
        by_hand,
        others,
        namesake,
        replaced,
        wanted,
        checked_out,
        newest,
    )
    try:
        assert cleanup(tiny)["images"][0]["reason"].startswith("nothing says that it may go")
        assert cleanup(tiny, "--keep", "1", "--yes")["deleted"] == []  # all of them are new
        stay, swept = images.cleanup(keep_latest(1))
        assert stay == {
            used: "in use: container uses-it",
            wanted: "in use: dogctl up starts it",
            checked_out: "in use: it is of what is checked out",
            newest: "one of the newest 1",
        }
        assert {str(each.digest) for each in swept.deleted} == {old, twice, replaced}
        assert images.there(*everything) == [
            twice, used, by_hand, others, namesake, wanted, checked_out, newest,
        ]  # fmt: skip
        assert images.there("tiny:twice", "mine:twice") == ["mine:twice"]
        assert images.cleanup(keep_latest(1))[1] == SweptImages()
    finally:
        tiny.run("docker", "rm", "uses-it")
        left = images.there(*everything)
        tiny.run("docker", "image", "rm", "--force", *left)


def test_no_engine_is_told(tiny: SmokeProject) -> None:
    done = tiny.dogctl("cleanup", "local", "--json", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.code == 1
    assert done.json["error"]["code"] == "engine-unreachable"


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (("--plan-out", "plan.json"), "local"),
        (("--allow-most",), "local"),
        (("--keep", "0"), "--keep"),
        (("--protect", "x"), "--keep, --older-than"),
    ],
    ids=str,
)
def test_wrong_words(tiny: SmokeProject, words: tuple[str, ...], where: str) -> None:
    done = tiny.dogctl("cleanup", "local", *words, "--json")
    assert (done.code, done.json["error"]["where"]) == (2, where)
