"""The workflows for GitHub call dogctl as it is, give it what it knows, and ask for no more than that."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from dogctl.cli.app import app
from dogctl.config.load import environments
from dogctl.config.model import DECLARATIONS
from dogctl.errors import ConfigError
from dogctl.lifecycle.cleanup.policies import A_MONTH, KEEP_LATEST, Words
from dogctl.lifecycle.cluster_secrets import ROOT_PASSWORD
from tests.conftest import REPOSITORY

GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
ACTION = GITHUB / "actions/setup/action.yml"
# What Amazon's libraries read by themselves.
AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
KNOWN = {each.env for each in DECLARATIONS.values() if each.env} | AWS | {ROOT_PASSWORD}
PINNED = re.compile(
    r"- ?(?:&\w+\s+)?uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$", re.MULTILINE
)
GIVEN = re.compile(r"\b(?:secrets|vars)\.(\w+)")
# A value that does harm wherever a shell takes it apart.
HOSTILE = "two words; exit 3 $(exit 4) --dry-run"
# What dogctl takes as a number only.
NUMBERS = {"CLEANUP_KEEP"}
# GitHub takes no secret whose name begins with its own.
RENAMED = {"GITHUB_TOKEN": "CHART_TOKEN"}


@dataclass(frozen=True)
class Call:
    """A step that runs a command, and the variables that are set for it.

    `job` is all that its job runs.
    """

    name: str
    run: str
    environ: Mapping[str, str]
    job: str

    def __str__(self) -> str:
        return self.name


def parse(path: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(path.read_text())
    return parsed


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in parse(path)["jobs"].items():
            yield f"{path.stem}-{name}", job


def calls() -> Iterator[Call]:
    groups = [*jobs(), ("setup", parse(ACTION)["runs"])]
    for name, group in groups:
        whole = "\n".join(step.get("run", "") for step in group["steps"])
        for number, step in enumerate(group["steps"]):
            if run := step.get("run"):
                environ = {**group.get("env", {}), **step.get("env", {})}
                yield Call(f"{name}-{number}", run, environ, whole)


CALLS = list(calls())
OF_DOGCTL = [call for call in CALLS if "dogctl" in call.run]
JOBS = dict(jobs())


def words(call: Call, environ: Mapping[str, str], folder: Path) -> list[str]:
    """What dogctl is given once the shell has read the line, as GitHub has it read."""
    said = folder / "words"
    program = folder / "dogctl"
    program.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" > {said}\n")
    program.chmod(0o755)
    script = folder / "script"
    script.write_text(call.run)
    subprocess.run(
        ["bash", "-e", script], env={"PATH": f"{folder}:/usr/bin:/bin", **environ}, check=True
    )
    return said.read_text().split("\0")[:-1]


def options(given: list[str]) -> Mapping[str, Any]:
    """What dogctl makes of its command line, as far as that goes without doing it."""
    command: Any = typer.main.get_command(app)
    while given and given[0] in getattr(command, "commands", {}):
        command, given = command.commands[given[0]], given[1:]
    parsed: Mapping[str, Any] = command.make_context(command.name, list(given)).params
    return parsed


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_there_is_no_logic_in_them(call: Call) -> None:
    assert re.fullmatch(r"(exec )?(dogctl|make) [^;&|<>`\n]+", call.run)
    assert "$(" not in call.run
    assert "${{" not in call.run
    if call.run.startswith("make"):
        makefile = (REPOSITORY / "Makefile").read_text()
        assert re.search(rf"^{call.run.removeprefix('make ')}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("value", ["", HOSTILE], ids=["empty", "hostile"])
@pytest.mark.parametrize("call", OF_DOGCTL, ids=str)
def test_dogctl_understands_them_whatever_they_are_given(
    call: Call, value: str, tmp_path: Path
) -> None:
    environ = dict.fromkeys([*call.environ, "RUNNER_TEMP"], value)
    environ |= dict.fromkeys(NUMBERS & set(environ), "3")
    given = words(call, environ, tmp_path)
    assert options(given).get("dry_run") in (None, bool(environ.get("DRY_RUN")))
    if "$ENVIRONMENT" in call.run:
        assert options(given)["environment"] == value


@pytest.mark.parametrize("value", ["", HOSTILE, "-1"], ids=["empty", "hostile", "negative"])
def test_what_is_no_number_is_refused(value: str, tmp_path: Path) -> None:
    (call,) = (call for call in OF_DOGCTL if "--keep" in call.run)
    given = words(call, {"CLEANUP_KEEP": value}, tmp_path)
    with pytest.raises((typer.BadParameter, ConfigError)):
        Words("keep-latest", options(given)["keep"]).read()


def test_nobody_names_a_revision_that_is_not_given(tmp_path: Path) -> None:
    (call,) = (call for call in OF_DOGCTL if "rollback" in call.run)
    given = {"ENVIRONMENT": "prod", "REVISION": ""}
    assert options(words(call, given, tmp_path))["revision"] is None
    given["REVISION"] = "--yes"
    assert options(words(call, given, tmp_path))["revision"] == "--yes"


@pytest.mark.parametrize("call", OF_DOGCTL, ids=str)
def test_every_variable_is_known_and_comes_from_its_namesake(call: Call) -> None:
    for name, value in call.environ.items():
        assert name in KNOWN or f"${name}" in call.job or f"${{{name}:" in call.job
        namesakes = set(GIVEN.findall(value)) - {"GCP_WORKLOAD_IDENTITY_PROVIDER"}
        assert namesakes <= {RENAMED.get(name, name)}
        assert name not in KNOWN or namesakes


def test_all_secrets_and_variables_are_documented() -> None:
    page = (REPOSITORY / "docs/github.md").read_text()
    documented = re.findall(r"^\| `([A-Z_0-9]+)` \|", page, re.MULTILINE)
    used = {name for path in WORKFLOWS for name in GIVEN.findall(path.read_text())}
    assert sorted(used) == sorted(documented)


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.stem)
def test_actions_are_pinned_by_what_nobody_can_move(path: Path) -> None:
    text = path.read_text()
    own = re.findall(r"uses: \./(\S+)$", text, re.MULTILINE)
    assert all((REPOSITORY / folder / "action.yml").is_file() for folder in own)
    assert len(PINNED.findall(text)) + len(own) == text.count("uses: ")


def test_an_action_has_one_version() -> None:
    pins = {pin for path in [*WORKFLOWS, ACTION] for pin in PINNED.findall(path.read_text())}
    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_job_may_do_little_and_not_for_ever(job: dict[str, Any]) -> None:
    rights = {"contents": "read"}
    if "environment" in job:  # and so logs in to clouds
        rights["id-token"] = "write"
    assert job["permissions"] == rights
    assert job["timeout-minutes"] <= 90
    checkout = job["steps"][0]
    assert checkout["uses"].startswith("actions/checkout@")
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}
    without = {**job, "steps": [{**step, "env": {}} for step in job["steps"]]}
    assert "secrets." not in repr(without), "only the step that needs them gets secrets"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_is_allowed_by_default_and_no_deploy_is_cancelled(path: Path) -> None:
    workflow = parse(path)
    assert workflow["permissions"] == {}
    limits = [
        workflow.get("concurrency"),
        *(j.get("concurrency") for j in workflow["jobs"].values()),
    ]
    cancels = {each["cancel-in-progress"] for each in limits if each}
    assert cancels == {path.stem == "ci"}


def test_a_plan_is_made_before_somebody_is_asked_and_carried_out_after() -> None:
    plan, apply = JOBS["deploy-plan"], JOBS["deploy-apply"]
    assert apply["needs"] == "plan"
    assert apply["environment"] == apply["env"]["ENVIRONMENT"] == plan["env"]["ENVIRONMENT"]
    assert plan["environment"] == f"{apply['environment']}-unattended"
    assert apply["env"]["SHA256"] == "${{ needs.plan.outputs.sha256 }}"


def test_a_cleanup_does_all_that_it_can_and_remembers_what_it_has_read() -> None:
    steps = JOBS["cleanup-cleanup"]["steps"]
    older, latest = (each for each in steps if "dogctl cleanup" in each.get("run", ""))
    assert "cancelled()" not in older["if"]
    assert "!cancelled()" in latest["if"]
    restore, save = (each for each in steps if "actions/cache/" in each.get("uses", ""))
    assert steps.index(restore) < steps.index(older) < steps.index(latest) < steps.index(save)
    assert save["if"] == "always()"
    assert restore["with"] == {**save["with"], "restore-keys": "cleanup-"}


def test_the_environments_are_those_of_the_project() -> None:
    offered = {
        name
        for path in WORKFLOWS
        for names in re.findall(r"(?:options|environment): \[(.*)\]", path.read_text())
        for name in names.split(", ")
    } - {"both", KEEP_LATEST, A_MONTH}
    assert {"dev", "prod"} <= offered <= set(environments(REPOSITORY))
