"""`dogctl infra`, with real Terraform and its state in a store that speaks S3."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dogctl.config.load import load
from dogctl.errors import DogctlError
from dogctl.execution import execute
from dogctl.lifecycle.infra import InfraOptions, fetch_plan, has_infra, plan_infra, store_plan
from dogctl.plan import Plan, Report, Status
from dogctl.secrets import Secret
from tests.dogctl.conftest import Project
from tests.dogctl.infra_project import BUCKET, KEY, TABLE, InfraProject, Silent, Store, store
from tests.testbed.aws import REGION

pytestmark = pytest.mark.real

HUSH = "bones-are-hidden"


@pytest.fixture(scope="module")
def s3() -> Iterator[Store]:
    with store() as found:
        yield found


@pytest.fixture
def infra(s3: Store, new_project: Callable[[], Project]) -> InfraProject:
    """A project whose state has a bucket."""
    s3.empty()
    s3.make_bucket()
    return InfraProject(new_project(), s3)


def tree(folder: Path) -> dict[str, bytes]:
    """All files but those of dogctl itself."""
    files = (each for each in folder.rglob("*") if each.is_file())
    return {
        str(each): each.read_bytes()
        for each in files
        if ".dogctl" not in each.relative_to(folder).parts
    }


def test_what_is_planned_is_applied_and_then_there_is_nothing_to_do(infra: InfraProject) -> None:
    before = tree(infra.root)
    planned = infra.dogctl("infra", "plan", "--detailed-exitcode")
    assert planned.code == 10, planned.err
    assert "+ module.kennel.terraform_data.kennel" in planned.out
    assert "dev: 3 to create" in planned.out
    assert KEY not in infra.store.names()

    applied = infra.dogctl("infra", "apply", ".dogctl/infra/dev/plan", "--json")
    assert applied.code == 0, applied.err
    assert applied.json["data"]["changed"] is True
    assert applied.json["data"]["outputs"] == {
        "kennel": "tiny-dev",
        "bowl": {"size": 1, "full": True},
        "password": "***",
    }
    state = json.loads(infra.store.read(KEY))
    assert len(state["resources"]) == 3
    assert infra.store.names() == [KEY]  # no lock is left

    again = infra.dogctl("infra", "plan", "--detailed-exitcode")
    assert (again.code, again.out) == (0, "dev: nothing changes\n")
    assert "nothing to do" in infra.dogctl("infra", "apply").out
    assert tree(infra.root) == before


def test_an_apply_shows_what_it_asks_for(infra: InfraProject) -> None:
    refused = infra.dogctl("infra", "apply")
    assert refused.code == 2
    assert "+ terraform_data.bowl" in refused.err
    assert "This changes what dev runs on: 3 to create." in refused.err
    assert infra.store.names() == []
    dry = infra.dogctl("infra", "apply", "--dry-run")
    assert "+ terraform_data.bowl" in dry.out
    assert infra.store.names() == []


def test_what_is_lost_in_a_protected_environment_needs_its_name(infra: InfraProject) -> None:
    assert infra.dogctl("infra", "apply", "--yes", environment="prod").code == 0
    infra.write("app/main.tf", 'variable "size" { default = 2 }')
    refused = infra.dogctl("infra", "apply", "--yes", environment="prod")
    assert refused.code == 2
    assert "- terraform_data.bowl: DESTROYED" in refused.err
    assert "--confirm prod" in refused.err
    sure = infra.dogctl("infra", "apply", "--yes", "--confirm", "prod", environment="prod")
    assert sure.code == 0, sure.err


def test_outputs_are_typed_and_secrets_are_masked(infra: InfraProject) -> None:
    assert infra.dogctl("infra", "output").out == "dev has no outputs\n"
    assert infra.dogctl("infra", "apply", "--yes").code == 0
    shown = infra.dogctl("infra", "output")
    assert shown.out.splitlines()[:3] == [
        'bowl      {"full": true, "size": 1}',
        "kennel    tiny-dev",
        "password  ***",
    ]
    assert infra.dogctl("infra", "output", "kennel").out == "tiny-dev\n"
    assert infra.dogctl("infra", "output", "bowl", "--json").json["data"]["value"]["size"] == 1
    refused = infra.dogctl("infra", "output", "cat", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "no-output")


def test_secrets_are_nowhere_to_be_seen(infra: InfraProject) -> None:
    infra.write("app/dev.tfvars", 'password = "another-hidden-bone"\n')
    said = [infra.dogctl("infra", "apply", "--yes", "--events")]
    infra.write("app/dev.tfvars", f'password = "{HUSH}"\n')
    said += [infra.dogctl("infra", "plan", "--json"), infra.dogctl("infra", "plan")]
    assert "~ terraform_data.lock" in said[-1].out
    assert "*** → ***" in said[-1].out
    said += [infra.dogctl("infra", "apply", "--yes", "--json"), infra.dogctl("infra", "output")]
    for each in said:
        assert each.code == 0, each.err
        assert HUSH not in each.out + each.err
        assert "another-hidden-bone" not in each.out + each.err


def test_what_holds_secrets_is_for_its_owner_only(infra: InfraProject) -> None:
    assert infra.dogctl("infra", "plan", "--out", "plan").code == 0
    assert infra.dogctl("infra", "plan").code == 0
    assert infra.dogctl("infra", "apply", "--yes", environment="here").code == 0
    for path in (infra.root / "plan", infra.place() / "plan", infra.place() / "terraform.log"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (infra.place(), infra.root / ".dogctl" / "infra-state"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_variables_are_those_of_the_environment(infra: InfraProject) -> None:
    infra.write("app/dev.tfvars", "size = 7\n")
    done = infra.dogctl(
        *("infra", "apply", "--yes", "--json"),
        TF_VAR_environment="cats",
        TF_CLI_ARGS="-no-such-flag",
        TF_CLI_ARGS_plan="-destroy",
        TF_WORKSPACE="cats",
        TF_DATA_DIR="/cats",
        TF_LOG="trace",
    )
    assert done.code == 0, done.err
    assert done.json["data"]["outputs"]["kennel"] == "tiny-dev"
    assert done.json["data"]["outputs"]["bowl"]["size"] == 7
    assert infra.store.names() == [KEY]


def test_a_file_that_overrules_the_settings_is_refused(infra: InfraProject) -> None:
    infra.write("app/terraform.tfvars", 'environment = "prod"\n')
    refused = infra.dogctl("infra", "plan", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "variable-overruled")
    assert "'prod' in a .tfvars file, and 'dev' in the settings" in refused.json["error"]["message"]


def test_a_backend_of_the_configuration_gives_way(infra: InfraProject) -> None:
    infra.write("app/backend.tf", 'terraform {\n  backend "gcs" { bucket = "cats" }\n}\n')
    assert infra.dogctl("infra", "apply", "--yes").code == 0
    assert infra.store.names() == [KEY]


def test_what_is_taken_out_of_the_project_is_taken_out_of_the_mirror(infra: InfraProject) -> None:
    infra.write("app/more.tf", 'output "more" { value = 1 }')
    assert infra.dogctl("infra", "apply", "--yes").code == 0
    (infra.root / "tf" / "app" / "more.tf").unlink()
    planned = infra.dogctl("infra", "plan")
    assert "~ outputs: more" in planned.out, planned.err


def test_a_state_on_this_machine_outlives_what_may_be_lost(infra: InfraProject) -> None:
    assert infra.dogctl("infra", "bootstrap", environment="here").code == 0
    assert infra.dogctl("infra", "apply", "--yes", environment="here").code == 0
    shutil.rmtree(infra.place("here"))
    again = infra.dogctl("infra", "apply", environment="here")
    assert "nothing to do" in again.out, again.err


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("", "no-infra"),
        ('infra = "tf/none"', "no-infra"),
        ('infra = ".."', "no-infra"),
        ('infra = "tf/app"', "no-state"),
    ],
)
def test_what_is_missing_in_the_settings_is_told(
    infra: InfraProject, settings: str, code: str
) -> None:
    infra.configure(f'[tool.dogctl]\nname = "tiny"\n[tool.dogctl.env.dev]\n{settings}\n')
    refused = infra.dogctl("infra", "plan", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, code)


def test_bootstrap_makes_what_is_missing_and_leaves_the_rest(infra: InfraProject) -> None:
    infra.configure(
        f"""
        [tool.dogctl]
        name = "tiny"
        infra = "tf/app"
        [tool.dogctl.env.dev]
        state = "s3://new-kennel/dogs"
        state-table = "{TABLE}"
        state-region = "{REGION}"
        """
    )
    s3, dynamodb = infra.store.client("s3"), infra.store.client("dynamodb")
    infra.store.make_bucket("new-kennel")
    tags = [{"Key": "owner", "Value": "dog"}]
    s3.put_bucket_tagging(Bucket="new-kennel", Tagging={"TagSet": tags})

    dry = infra.dogctl("infra", "bootstrap", "--dry-run")
    assert "= bucket: make the bucket s3://new-kennel (nothing to do)" in dry.out
    assert "→ versioning" in dry.out

    made = infra.dogctl("infra", "bootstrap", "--json").json["data"]
    assert made["there"] == ["bucket"]
    assert {"versioning", "encryption", "privacy", "tags", "table"} < set(made["made"])
    assert s3.get_bucket_versioning(Bucket="new-kennel")["Status"] == "Enabled"
    found = s3.get_bucket_tagging(Bucket="new-kennel")["TagSet"]
    assert {each["Key"]: each["Value"] for each in found} == {
        "owner": "dog",
        "project": "tiny",
        "managed-by": "dogctl",
    }
    block = s3.get_public_access_block(Bucket="new-kennel")["PublicAccessBlockConfiguration"]
    assert all(block.values())
    table = dynamodb.describe_table(TableName=TABLE)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True

    again = infra.dogctl("infra", "bootstrap", "--json")
    assert again.json["data"]["made"] == []
    assert again.json["data"]["changed"] is False
    done = infra.dogctl("infra", "apply", "--yes")
    assert done.code == 0, done.err
    rows = dynamodb.scan(TableName=TABLE)["Items"]
    assert [each["LockID"]["S"] for each in rows] == [f"new-kennel/{KEY}-md5"]


def test_several_may_bootstrap_at_once(infra: InfraProject) -> None:
    infra.store.client("s3").delete_bucket(Bucket=BUCKET)
    running = [infra.start("infra", "bootstrap") for _ in range(3)]
    ends = [(each.communicate(timeout=60)[1], each.returncode) for each in running]
    assert [code for _, code in ends] == [0, 0, 0], ends


def test_a_table_for_something_else_is_refused(infra: InfraProject) -> None:
    infra.configure(
        f"""
        [tool.dogctl]
        name = "tiny"
        infra = "tf/app"
        [tool.dogctl.env.dev]
        state = "s3://{BUCKET}/dogs"
        state-table = "cats"
        state-region = "{REGION}"
        """
    )
    infra.store.client("dynamodb").create_table(
        TableName="cats",
        KeySchema=[{"AttributeName": "Name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    refused = infra.dogctl("infra", "bootstrap", "--json")
    assert refused.json["error"]["code"] == "wrong-table"


def test_destroy_leaves_nothing(infra: InfraProject) -> None:
    assert infra.dogctl("infra", "apply", "--yes").code == 0
    refused = infra.dogctl("infra", "destroy")
    assert refused.code == 2
    assert "This destroys what dev runs on: 3 to DESTROY" in refused.err
    dry = infra.dogctl("infra", "destroy", "--dry-run")
    assert "- terraform_data.bowl: DESTROYED" in dry.out
    assert len(json.loads(infra.store.read(KEY))["resources"]) == 3

    done = infra.dogctl("infra", "destroy", "--yes")
    assert (done.code, done.out) == (0, "nothing of dev is left\n"), done.err
    assert json.loads(infra.store.read(KEY))["resources"] == []
    again = infra.dogctl("destroy")
    assert (again.code, again.out) == (0, "nothing of dev is left: nothing to do\n"), again.err


def test_what_is_not_to_be_destroyed_is_refused_first(infra: InfraProject) -> None:
    guarded = 'resource "terraform_data" "safe" {\n  lifecycle { prevent_destroy = true }\n}\n'
    infra.write("app/safe.tf", guarded)
    assert infra.dogctl("infra", "apply", "--yes").code == 0
    refused = infra.dogctl("infra", "destroy", "--yes", "--json")
    assert refused.json["error"]["code"] == "infra-protected", refused.out
    assert refused.json["error"]["where"] == "safe.tf:1"
    assert len(json.loads(infra.store.read(KEY))["resources"]) == 4


@pytest.fixture
def here(infra: InfraProject, monkeypatch: pytest.MonkeyPatch) -> InfraProject:
    """The same, for calls in this process."""
    for name, value in infra.store.environ.items():
        monkeypatch.setenv(name, value)
    return infra


def run(plan: Plan) -> Report:
    report = execute(plan, Silent())
    if report.error:
        raise report.error
    return report


def test_a_plan_that_is_approved_is_the_one_that_is_applied(here: InfraProject) -> None:
    project = load(folder=here.root, environment="dev", flags={})
    assert has_infra(project)
    seen: list[Secret] = []
    first = run(plan_infra(project, InfraOptions(), remember=seen.append))
    assert first.results["apply"].values["kennel"] == "tiny-dev"
    assert first.results["apply"].secrets["password"].reveal() == HUSH
    assert HUSH in {each.reveal() for each in seen}

    here.write("app/dev.tfvars", "size = 2\n")
    looked = run(Plan("look", plan_infra(project, InfraOptions()).steps[:2]))
    planned = looked.results["plan"]
    stored = store_plan(project, planned)
    assert stored.where == f"s3://{BUCKET}/dogs/plans/{planned.sha256}"
    head = here.store.client("s3").head_object(Bucket=BUCKET, Key=f"dogs/plans/{planned.sha256}")
    assert head["ServerSideEncryption"] == "AES256"

    shutil.rmtree(here.root / ".dogctl")  # as on another machine
    approved = replace(stored, changes=tuple(each.data() for each in planned.changes))
    done = run(plan_infra(project, InfraOptions(), approved=approved))
    assert done.results["apply"].values["bowl"]["size"] == 2
    again = run(plan_infra(project, InfraOptions(), approved=approved))
    assert again.outcomes["apply"].status is Status.UNCHANGED


def test_a_stored_plan_that_is_another_one_is_refused(here: InfraProject) -> None:
    project = load(folder=here.root, environment="dev", flags={})
    here.store.write(f"dogs/plans/{'0' * 64}", b"cats")
    with pytest.raises(DogctlError) as other:
        fetch_plan(project, "0" * 64)
    assert other.value.code == "plan-unusable"
    with pytest.raises(DogctlError) as missing:
        fetch_plan(project, "1" * 64)
    assert missing.value.code == "plan-missing"
