"""`dogctl infra` when something goes wrong: real Terraform is stopped, killed, locked out, cut off."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.dogctl.conftest import Project
from tests.dogctl.infra_project import BUCKET, KEY, InfraProject, Store, store
from tests.dogctl.relay import Relay, relay
from tests.eventually import eventually
from tests.testbed.ports import free_port

# Terraform tries long before it gives up a store.
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

LOCK = f"{KEY}.tflock"
# One resource is made at once, the next one takes as long as there is a file.
SLOW = """
variable "name" { type = string }
resource "terraform_data" "kennel" { input = var.name }
resource "terraform_data" "roof" {
  input      = var.name
  depends_on = [terraform_data.kennel]
  provisioner "local-exec" {
    command = "touch GATE/started; while [ -e GATE/hold ]; do sleep 0.05; done"
  }
}
resource "terraform_data" "paint" { input = terraform_data.roof.output }
output "kennel" { value = terraform_data.paint.output }
"""


class SlowProject(InfraProject):
    """A project whose infrastructure takes as long to make as the test wants."""

    @property
    def gate(self) -> Path:
        return self.root.parent / "gate"

    def hold(self) -> None:
        self.write("app/main.tf", SLOW.replace("GATE", str(self.gate)))
        self.gate.mkdir()
        (self.gate / "hold").touch()

    def let_go(self) -> None:
        (self.gate / "hold").unlink(missing_ok=True)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """An apply that is in the middle of it."""
        process = self.start(*(words or ("infra", "apply", "--yes")))
        eventually((self.gate / "started").exists)
        return process

    def terraform(self, environment: str = "dev") -> int:
        """The PID of the last Terraform."""
        note = json.loads((self.place(environment) / "terraform.pid").read_text())
        return int(note["pid"])


@pytest.fixture(scope="module")
def s3() -> Iterator[Store]:
    with store() as found:
        yield found


@pytest.fixture
def slow(s3: Store, new_project: Callable[[], Project]) -> Iterator[SlowProject]:
    s3.empty()
    s3.make_bucket()
    project = SlowProject(new_project(), s3)
    project.hold()
    yield project
    project.let_go()


@pytest.fixture
def infra(s3: Store, new_project: Callable[[], Project]) -> InfraProject:
    s3.empty()
    s3.make_bucket()
    return InfraProject(new_project(), s3)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=180)
    return process.returncode, out, err


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_stopped_apply_saves_its_state_and_leaves_no_lock(slow: SlowProject) -> None:
    running = slow.begin()
    assert LOCK in slow.store.names()
    running.send_signal(signal.SIGINT)
    code, _, err = ended(running)
    assert code == 130, err
    assert "this stays done: terraform_data.kennel created" in err
    assert slow.store.names() == [KEY]
    state = json.loads(slow.store.read(KEY))
    assert [each["name"] for each in state["resources"]] == ["kennel", "roof"]

    slow.let_go()
    again = slow.dogctl("infra", "apply", "--yes")
    assert again.code == 0, again.err
    assert "nothing to do" in slow.dogctl("infra", "apply").out


def test_a_killed_dogctl_kills_no_terraform_and_the_next_run_waits_for_it(
    slow: SlowProject,
) -> None:
    running = slow.begin()
    running.kill()
    ended(running)
    pid = slow.terraform()
    assert is_running(pid)

    following = slow.start("infra", "apply", "--yes", "--events")
    assert following.stderr is not None
    said = next(line for line in following.stderr if "waiting" in line)
    assert f"waiting for the Terraform of a run that died (PID {pid})" in said
    slow.let_go()
    code, out, err = ended(following)
    assert (code, "nothing to do" in out) == (0, True), err
    assert slow.store.names() == [KEY]


def test_a_lock_of_the_dead_names_its_holder_and_is_removed_by_hand_only(
    slow: SlowProject,
) -> None:
    running = slow.begin()
    running.kill()
    os.killpg(slow.terraform(), signal.SIGKILL)
    ended(running)
    eventually(lambda: not is_running(slow.terraform()))
    slow.let_go()

    locked = slow.dogctl("infra", "apply", "--yes", "--lock-timeout", "0", "--json")
    error = locked.json["error"]
    assert (locked.code, error["code"]) == (1, "state-locked")
    assert re.search(r"\S+@\S+ has been at its apply for \d+ s", error["message"])
    assert error["where"] == f"{BUCKET}/{KEY}"
    assert LOCK in slow.store.names()

    found = re.search(r"terraform -chdir=\S+ force-unlock \S+", error["hint"])
    assert found is not None
    environ = slow.project.environ(**slow.store.environ)
    by_hand = [*found[0].replace("force-unlock", "force-unlock -force").split()]
    subprocess.run(by_hand, cwd=slow.root, env=environ, check=True, capture_output=True)

    again = slow.dogctl("infra", "apply", "--yes")
    assert again.code == 0, again.err
    assert "nothing to do" in slow.dogctl("infra", "apply").out


def test_who_comes_second_is_told_who_is_first_or_waits(
    slow: SlowProject, new_project: Callable[[], Project]
) -> None:
    elsewhere = InfraProject(new_project(), slow.store)
    running = slow.begin()
    refused = elsewhere.dogctl("infra", "plan", "--lock-timeout", "1", "--json")
    assert refused.json["error"]["code"] == "state-locked"
    waiting = elsewhere.start("infra", "plan", "--lock-timeout", "30")
    slow.let_go()
    assert ended(running)[0] == 0
    code, out, err = ended(waiting)
    assert (code, "to DESTROY" in out) == (0, True), err  # its configuration is another one


def test_two_in_one_folder_work_one_after_the_other(slow: SlowProject) -> None:
    running = slow.begin()
    refused = slow.dogctl("infra", "apply", "--yes", "--lock-timeout", "0")
    assert refused.code == 1
    assert "another dogctl has been at this infrastructure" in refused.err
    assert slow.dogctl("infra", "output").out == "dev has no outputs\n"  # who only looks may
    waiting = slow.start("infra", "apply", "--yes")
    slow.let_go()
    assert ended(running)[0] == 0
    code, out, err = ended(waiting)
    assert (code, "nothing to do" in out) == (0, True), err


def test_a_state_that_cannot_be_saved_is_kept_and_saved_later(
    slow: SlowProject,
) -> None:
    port = int(slow.store.url.rpartition(":")[2])
    with relay(port) as way:
        slow.environ = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{way.port}"}
        running = slow.begin()
        cut_off(way)
        slow.let_go()
        code, _, err = ended(running)
        assert code == 1
        assert "this stays done: terraform_data.roof created" in err
        unsaved = slow.place() / "work" / "tf" / "app" / "errored.tfstate"
        assert str(unsaved) in err
        assert unsaved.is_file()

        way.to = port
        lock = json.loads(slow.store.read(LOCK))["ID"]
        locked = slow.dogctl("infra", "plan", "--lock-timeout", "0", "--json").json["error"]
        assert locked["code"] == "state-locked"
        assert lock in locked["hint"]
        slow.store.client("s3").delete_object(Bucket=BUCKET, Key=LOCK)
        again = slow.dogctl("infra", "apply", "--yes")
        assert again.code == 0, again.err
        assert "saving the state that the last apply could not save" in again.err
        assert not unsaved.exists()
        assert "nothing to do" in slow.dogctl("infra", "apply").out
        assert len(json.loads(slow.store.read(KEY))["resources"]) == 3


def cut_off(way: Relay) -> None:
    way.to = free_port()
    way.cut()


def test_a_stale_plan_does_nothing(infra: InfraProject) -> None:
    assert infra.dogctl("infra", "plan", "--out", "first").code == 0
    assert infra.dogctl("infra", "apply", "--yes").code == 0
    before = infra.store.read(KEY)
    stale = infra.dogctl("infra", "apply", "first", "--json")
    error = stale.json["error"]
    assert (stale.code, error["code"]) == (1, "plan-stale")
    assert "nothing was done" in error["message"]
    assert infra.store.read(KEY) == before


@pytest.mark.parametrize("content", [b"", b"bones", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_plan_is_refused(infra: InfraProject, content: bytes) -> None:
    (infra.root / "plan").write_bytes(content)
    refused = infra.dogctl("infra", "apply", "plan", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "plan-unusable")


def test_a_plan_is_for_its_own_environment_only(infra: InfraProject) -> None:
    assert infra.dogctl("infra", "plan", "--out", "plan").code == 0
    refused = infra.dogctl("infra", "apply", "plan", "--json", environment="prod")
    assert refused.json["error"]["code"] == "plan-unusable"
    assert "made for another state" in refused.json["error"]["message"]
    assert infra.store.names() == []


def test_a_bucket_that_is_missing_can_be_made(infra: InfraProject) -> None:
    infra.store.client("s3").delete_bucket(Bucket=BUCKET)
    refused = infra.dogctl("infra", "plan", "--json")
    assert refused.json["error"]["code"] == "state-bucket-missing"
    assert "infra bootstrap" in refused.json["error"]["hint"]
    assert infra.dogctl("infra", "bootstrap").code == 0
    assert infra.dogctl("infra", "plan").code == 0


def test_a_store_that_is_away_is_told(infra: InfraProject) -> None:
    infra.environ = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    refused = infra.dogctl("infra", "plan", "--json")
    assert refused.json["error"]["code"] == "cloud-unreachable", refused.out


@pytest.mark.parametrize(
    ("said", "code"),
    [("AccessDenied", "cloud-forbidden"), ("ExpiredToken", "cloud-credentials")],
)
def test_a_store_that_refuses_is_told(
    infra: InfraProject, httpserver: HTTPServer, said: str, code: str
) -> None:
    body = f"<Error><Code>{said}</Code><Message>no dogs here</Message></Error>"
    httpserver.expect_request(re.compile(".*")).respond_with_data(
        body, status=403, content_type="application/xml"
    )
    infra.environ = {
        "AWS_ENDPOINT_URL_S3": httpserver.url_for("").rstrip("/"),
        "AWS_ENDPOINT_URL": "",
    }
    refused = infra.dogctl("infra", "plan", "--json")
    assert refused.json["error"]["code"] == code, refused.out


def test_what_fails_says_what_remains_and_is_gone_on_with(infra: InfraProject) -> None:
    infra.write(
        "app/main.tf",
        """
        resource "terraform_data" "kennel" {}
        resource "terraform_data" "roof" {
          depends_on = [terraform_data.kennel]
          provisioner "local-exec" { command = "echo the nails are missing; exit 3" }
        }
        """,
    )
    failed = infra.dogctl("infra", "apply", "--yes", "--json")
    error = failed.json["error"]
    assert (failed.code, error["code"]) == (1, "terraform-failed")
    assert error["where"] == "main.tf:5"
    assert "this stays done: terraform_data.kennel created in 0 s" in error["detail"]
    assert failed.json["data"]["done"] == ["terraform_data.kennel created in 0 s"]
    assert infra.store.names() == [KEY]

    infra.write("app/main.tf", 'resource "terraform_data" "kennel" {}')
    assert infra.dogctl("infra", "apply", "--yes").code == 0


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ('resource "terraform_data" "kennel" { colour = 1 }', "bad-configuration", "main.tf:1"),
        ('resource "terraform_data" {', "bad-configuration", "main.tf:1"),
        ('variable "size" {}', "variable-missing", "main.tf:1"),
        ('terraform {\n  required_version = "< 1.0"\n}', "bad-configuration", "main.tf:2"),
    ],
)
def test_a_wrong_configuration_says_where(
    infra: InfraProject, text: str, code: str, where: str
) -> None:
    infra.write("app/main.tf", text)
    refused = infra.dogctl("infra", "plan", "--json")
    error = refused.json["error"]
    assert (refused.code, error["code"], error["where"]) == (2, code, where), refused.out


def test_a_provider_that_cannot_be_had_is_told(infra: InfraProject) -> None:
    infra.write("app/main.tf", 'resource "random_pet" "dog" {}')
    refused = infra.dogctl("infra", "plan", "--json")
    assert refused.json["error"]["code"] == "provider-unavailable", refused.out


@pytest.mark.parametrize("step", ["init", "plan", "apply"])
def test_killed_at_the_end_of_any_step_it_goes_on(infra: InfraProject, step: str) -> None:
    running = infra.start("infra", "apply", "--yes", "--events")
    assert running.stderr is not None
    for line in running.stderr:
        event = json.loads(line)
        if event["event"] == "step-finished" and event["step"] == step:
            break
    running.kill()
    ended(running)
    again = infra.dogctl("infra", "apply", "--yes")
    assert again.code == 0, again.err
    assert "nothing to do" in infra.dogctl("infra", "apply").out
    assert infra.store.names() == [KEY]


def test_a_bucket_of_somebody_else_is_refused(infra: InfraProject, httpserver: HTTPServer) -> None:
    httpserver.expect_request(re.compile(".*")).respond_with_data("", status=403)
    infra.environ = {"AWS_ENDPOINT_URL": httpserver.url_for("").rstrip("/")}
    refused = infra.dogctl("infra", "bootstrap", "--json")
    assert refused.json["error"]["code"] == "bucket-taken"
    assert "belongs to somebody else" in refused.json["error"]["message"]


def test_a_machine_without_terraform_is_told_where_to_get_it(infra: InfraProject) -> None:
    infra.environ = {"PATH": "/nowhere"}
    refused = infra.dogctl("infra", "plan", "--json")
    assert refused.json["error"]["code"] == "tool-not-started"
    assert "developer.hashicorp.com/terraform/install" in refused.json["error"]["hint"]
