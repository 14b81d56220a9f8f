"""What of a deploy is decided without an engine or a cluster."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dogctl.config.hooks import Stage, parse_hooks
from dogctl.config.parse import ProblemsError
from dogctl.errors import ConfigError, DogctlError
from dogctl.execution import execute
from dogctl.lifecycle.bundle import nested
from dogctl.lifecycle.deploy import approval, refs
from dogctl.lifecycle.deploy.approval import Approval
from dogctl.lifecycle.deploy.halves import Looks, Removal
from dogctl.lifecycle.deploy.infra_stage import keep_data
from dogctl.lifecycle.deploy.stages import needs, ordered
from dogctl.lifecycle.infra import Outputs, Planned
from dogctl.lifecycle.manifest import Object
from dogctl.lifecycle.release_diff import Action, Change, Difference
from dogctl.lifecycle.release_jobs import Jobs, hidden_from, job_for
from dogctl.lifecycle.release_steps import Comparison
from dogctl.plan import Plan, Results, Run, Status, Step, stage
from dogctl.secrets import Redactor, Secret
from dogctl.tools.terraform.changes import Action as RAction
from dogctl.tools.terraform.changes import ResourceChange
from tests.dogctl.test_plan import Recorder

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CHANGE = Change(Action.CHANGE, "Deployment/app", (Difference("spec.replicas", 2, 3),))
APPROVED = Approval(
    project="app",
    environment="prod",
    place="context kennel prod/app",
    created="2026-05-01T10:00:00+00:00",
    expires="2026-05-02T10:00:00+00:00",
    by="dog",
    commit="c0ffee",
    built_from="c0ffee",
    image=f"docker.io/team/app:1.0.0@sha256:{'0' * 64}",
    skip=[],
    inputs="1234",
    revision=3,
    release=[CHANGE.data()],
    infra=None,
)


@pytest.mark.parametrize(
    ("which", "there", "expected"),
    [
        (Stage.RELEASE, set(Stage), ("tag", "infra", "compare", "publish")),
        (Stage.RELEASE, set(Stage) - {Stage.INFRA}, ("tag", "compare", "publish")),
        (Stage.COMPARE, set(Stage), ("push", "infra")),
        (Stage.RELEASE, {Stage.BUILD, Stage.SMOKE}, ("smoke", "build")),
        (Stage.RELEASE, {Stage.INFRA}, ("infra",)),
        (Stage.TAG, set(Stage) - {Stage.SMOKE}, ("push", "build")),
        (Stage.BUILD, set(Stage), ()),
    ],
)
def test_a_stage_waits_for_what_a_left_out_one_would_have_waited_for(
    which: Stage, there: set[Stage], expected: tuple[str, ...]
) -> None:
    assert needs(which, there) == expected


def test_infrastructure_that_names_the_image_comes_after_it() -> None:
    steps = [stage(each, lambda _: "", lambda _: Plan("x", ())) for each in Stage]
    names = [step.name for step in ordered(steps, {Stage.INFRA: (Stage.TAG,)})]
    assert names.index("infra") > names.index("tag")
    assert names[-2:] == ["release", "prune"]
    assert Plan("deploy", ordered(steps)).steps[0].name == "build"


@pytest.mark.parametrize(
    ("ref", "environment"), [("branch:main", "dev"), ("tag:v1.4.0", "prod"), ("branch:x/y", "try")]
)
def test_a_ref_goes_to_one_environment(ref: str, environment: str) -> None:
    taken = {"dev": ("branch:main",), "prod": ("tag:v*",), "try": ("branch:x/*",), "none": ()}
    assert refs.choose_environment(taken, (ref,)) == environment


@pytest.mark.parametrize(
    ("ref", "says"), [("branch:main", "goes to one and two"), ("tag:v1", "no environment")]
)
def test_else_it_has_to_be_named(ref: str, says: str) -> None:
    taken = {"one": ("branch:main",), "two": ("branch:m*",)}
    with pytest.raises(ConfigError, match=says):
        refs.choose_environment(taken, (ref,))


def test_an_approval_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "plans" / "prod.json"
    approved = replace(APPROVED, release=None)
    sha256 = approval.write(path, approved)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert approval.read(path, sha256.upper()) == approved
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["2027", "{}", "[]", "\x00"])
def test_a_file_that_was_changed_is_not_what_was_approved(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "prod.json"
    sha256 = approval.write(path, APPROVED)
    path.write_text(path.read_text().replace("2026", damage) if damage == "2027" else damage)
    with pytest.raises(ConfigError, match="not the file that was approved"):
        approval.read(path, sha256)
    with pytest.raises(ConfigError) as raised:
        approval.read(
            path, hashlib.sha256(path.read_bytes()).hexdigest() if damage != "2027" else ""
        )
    assert raised.value.code == "wrong-approval"


def test_what_is_not_as_approved_is_told() -> None:
    asked = {
        "project": "app",
        "environment": "prod",
        "place": "context kennel prod/app",
        "commit": "c0ffee",
        "inputs": "1234",
    }
    approval.check(APPROVED, **asked, now=NOW)
    with pytest.raises(ConfigError) as raised:
        approval.check(APPROVED, **{**asked, "commit": "bad", "inputs": "5"}, now=NOW)
    assert raised.value.detail == (
        "the commit: approved c0ffee, now bad",
        "the chart or its values: approved 1234, now 5",
    )
    with pytest.raises(ConfigError, match="good until 2026-05-02"):
        approval.check(APPROVED, **asked, now=datetime(2026, 5, 2, 10, 0, 1, tzinfo=UTC))


def test_a_release_may_change_what_was_approved_and_nothing_else() -> None:
    approval.check_changes([CHANGE.data()], [CHANGE])
    approval.check_changes([CHANGE.data()], [])
    other = replace(CHANGE, differences=(Difference("spec.replicas", 4, 3),))
    with pytest.raises(DogctlError) as raised:
        approval.check_changes([CHANGE.data()], [other])
    assert "    spec.replicas: 4 -> 3" in raised.value.detail


def test_an_approval_is_good_for_the_release_as_it_was_and_for_what_it_made_itself() -> None:
    def check(release: list[dict[str, Any]] | None, revisions: dict[int, str | None]) -> None:
        approved = replace(APPROVED, release=release)
        approval.check_release(approved, "mine", lambda data: data, [CHANGE], revisions)

    for release in (None, [CHANGE.data()]):
        check(release, {2: "other", 3: None})
        check(release, {3: None, 4: "mine", 5: "mine"})
        for moved in ({3: None, 4: None}, {4: "mine", 5: "other"}):
            with pytest.raises(DogctlError, match="revision"):
                check(release, moved)
    with pytest.raises(DogctlError, match="in another way"):
        check([], {3: None})


def test_what_is_masked_in_an_approval_is_masked_in_what_it_is_compared_with() -> None:
    redact = Redactor([Secret("kennel-root")])
    change = replace(CHANGE, differences=(Difference("spec.user", "dog", "kennel-root"),))
    approved = redact.data([change.data()])
    assert "kennel-root" not in str(approved)
    approval.check_changes(approved, [change], redact.data)


def test_outputs_become_tables() -> None:
    assert nested({"a.b.c": 1, "a.d": 2, "e": 3}) == {"a": {"b": {"c": 1}, "d": 2}, "e": 3}


def test_hooks_are_read_with_all_that_is_wrong() -> None:
    (hook, job) = parse_hooks(
        [{"after": "push", "run": ["make", "x"]}, {"before": "release", "job": ["flask", "db"]}]
    )
    assert (hook.stage, hook.before, hook.words, hook.job) == (
        Stage.PUSH,
        False,
        ("make", "x"),
        False,
    )
    assert job.as_data() == {"before": "release", "job": ["flask", "db"]}
    with pytest.raises(ProblemsError) as raised:
        parse_hooks(
            [{"after": "push"}, {"before": "push", "job": ["x"]}, {"after": "x", "run": [""]}]
        )
    assert [where for where, _ in raised.value.problems] == ["[0]", "[1]", "[2]"]


def app(**labels: str) -> Object:
    container = {
        "name": "app",
        "image": "team/app:1",
        "args": ["serve"],
        "env": [{"name": "A", "value": "1"}],
        "livenessProbe": {},
        "ports": [],
    }
    proxy = {"name": "proxy", "image": "proxy", "restartPolicy": "Always"}
    pod = {
        "serviceAccountName": "app",
        "initContainers": [{"name": "once", "image": "x"}, proxy],
        "containers": [container],
        "affinity": {},
    }
    metadata = {"labels": {"app.kubernetes.io/name": "app", **labels}}
    template = {"metadata": metadata, "spec": pod}
    return {
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {"template": template, "selector": {"matchLabels": metadata["labels"]}},
    }


def test_a_job_has_what_the_app_has_and_serves_nobody() -> None:
    job = job_for(app(), ["flask", "db", "upgrade"], "app", 3, 60)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["flask", "db", "upgrade"]
    assert set(container) == {"name", "image", "env", "command"}
    assert [each["name"] for each in pod["initContainers"]] == ["proxy"]
    assert pod["serviceAccountName"] == "app"
    assert pod["restartPolicy"] == "Never"
    same = job_for(app(), ["flask", "db", "upgrade"], "app", 3, 60)
    assert same == job
    later = job_for(app(), ["flask", "db", "upgrade"], "app", 4, 60)
    assert later["metadata"]["name"] != job["metadata"]["name"]


@pytest.mark.parametrize(("component", "kept"), [("app", True), ("", False)])
def test_no_service_takes_a_job_for_the_app(component: str, kept: bool) -> None:
    labels = {"app.kubernetes.io/component": component} if component else {}
    workload = app(**labels)
    job = hidden_from([workload], job_for(workload, ["x"], "app", 1, 60))
    assert ("app.kubernetes.io/name" in job["spec"]["template"]["metadata"]["labels"]) is kept


def looking(name: str, heard: list[str]) -> Step:
    return replace(doing(name, heard), done=lambda _: heard.append(f"look {name}") or name)


def doing(name: str, heard: list[str]) -> Step:
    return Step(name, lambda _: "", lambda _: heard.append(f"do {name}") or name)


def test_looks_are_done_once_and_ahead() -> None:
    heard: list[str] = []
    steps = (looking("image", heard), looking("compare", heard), doing("upgrade", heard))
    looks = Looks(lambda _: Plan("release", steps), "compare")
    found = execute(looks.ahead(Results()), Recorder()).results
    assert sorted(heard) == ["look compare", "look image"]
    report = execute(looks.rest(found), Recorder())
    assert heard[2:] == ["do upgrade"]
    assert report.outcomes["compare"].status is Status.UNCHANGED


def test_what_was_made_is_removed_however_it_ends() -> None:
    heard: list[str] = []

    def fail(_: Run) -> None:
        raise DogctlError("no", code="no")

    removal = Removal(
        lambda _: Plan("x", (Step("work", lambda _: "", fail), doing("remove", heard)))
    )
    work = stage("work", lambda _: "", removal.work)
    report = execute(Plan("deploy", (work, removal.step("gone", ("work",)))), Recorder())
    assert heard == ["do remove"]
    assert str(report.error) == "no"


def test_a_chart_without_an_app_has_nothing_that_a_job_could_be_like() -> None:
    work: Any = SimpleNamespace(
        project=SimpleNamespace(settings=SimpleNamespace(service="app", name="app")),
        cluster=SimpleNamespace(release="app"),
        applies="upgrade",
    )
    compared = Comparison(
        ({"kind": "CronJob", "metadata": {"name": "app"}},), (CHANGE,), None, None
    )
    upgrade = Step("upgrade", lambda _: "", lambda _: None)
    job, _ = Jobs(work, (("flask", "db"),), lambda _: compared).into((upgrade,))
    results = Results()
    results.put("compare", compared)
    with pytest.raises(ConfigError) as raised:
        job.done(results)
    assert raised.value.code == "no-workload"


def test_no_plan_of_a_deploy_loses_data() -> None:
    gone = ResourceChange("google_sql_database_instance.main", RAction.DELETE, protected=True)
    kept = ResourceChange("google_compute_address.main", RAction.DELETE)
    keep_data(Planned((kept,), Path(), "", True, (), Outputs()))
    with pytest.raises(ConfigError) as raised:
        keep_data(Planned((kept, gone), Path(), "", True, (), Outputs()))
    assert raised.value.where == gone.address
    assert raised.value.hint == "dogctl infra apply does that, if it is meant"
