"""What a deploy refuses before anything is built: no engine or cluster is asked for that."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.dogctl.conftest import Project

SETTINGS = """
[tool.dogctl]
name = "tiny"
docker-repo = "127.0.0.1:1/team/tiny"

[tool.dogctl.env.dev]
target = "context"
context = "nowhere"
ships-from = ["branch:main"]

[tool.dogctl.env.prod]
target = "context"
context = "nowhere"
ships-from = ["branch:live"]
protected = true
"""


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=dog", "-c", "user.email=dog@example.org")
    subprocess.run(["git", *who, "-C", str(root), *words], check=True)


@pytest.fixture
def project(tiny: Project) -> Project:
    tiny.configure(SETTINGS)
    (tiny.root / "compose.yaml").write_text("services: {}\n")
    (tiny.root / ".gitignore").write_text(".dogctl/\n")
    git(tiny.root, "init", "--quiet", "--initial-branch=main")
    git(tiny.root, "add", "--all")
    git(tiny.root, "commit", "--quiet", "--message=first")
    return tiny


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("plan.json", "--plan-out .dogctl/plan.json, or add plan.json to .gitignore"),
        (".dogctl", "it is a folder"),
        ("/proc/nowhere/plan.json", "the plan cannot be written to /proc/nowhere/plan.json"),
    ],
)
def test_a_plan_that_could_not_be_kept_is_told_at_once(
    project: Project, file: str, says: str
) -> None:
    (project.root / ".dogctl").mkdir(exist_ok=True)
    done = project.dogctl("deploy", "--env", "prod", "--any-ref", "--plan-out", file)
    assert done.code == 2
    assert says in done.err
    assert "build" not in done.err


def test_a_protected_environment_takes_no_unclean_tree(project: Project) -> None:
    (project.root / "new.py").touch()
    words = ("--any-ref", "--plan-out", ".dogctl/plan.json")
    done = project.dogctl("deploy", "--env", "prod", *words)
    assert done.code == 2
    assert "the files are those of no commit" in done.err
    assert "commit them first" in done.err


def test_the_environment_that_a_branch_goes_to_is_in_the_hints(project: Project) -> None:
    git(project.root, "checkout", "--quiet", "-b", "live")
    done = project.dogctl("deploy")
    assert done.code == 2
    assert "takes approved plans only" in done.err
    assert "dogctl deploy --env prod --plan-out FILE" in done.err
    git(project.root, "checkout", "--quiet", "-b", "other")
    assert "branch:other goes to no environment" in project.dogctl("deploy").err


def test_a_promotion_from_nowhere_is_told(project: Project) -> None:
    done = project.dogctl("deploy", "--env", "prod", "--from-env", "stage")
    assert done.code == 2
    assert "--from-env: no environment 'stage' (declared: dev, prod)" in done.err


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("publish-chart = true", "no-chart-repository"),
        ('publish-chart = true\nchart = "oci://127.0.0.1:1/x@1.0.0"', "no-chart"),
        ('prune-older-than = "soon"', "bad-config"),
        ("prune-keep = 0", "bad-config"),
    ],
)
def test_what_cannot_be_published_or_pruned_is_told_before_anything_is_built(
    project: Project, more: str, code: str
) -> None:
    project.configure(SETTINGS.replace("[tool.dogctl]\n", f"[tool.dogctl]\n{more}\n", 1))
    done = project.dogctl("deploy", "--env", "dev", "--any-ref", "--yes", "--json")
    assert (done.code, done.json["error"]["code"]) == (2, code)
