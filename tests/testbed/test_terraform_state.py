"""Where real Terraform keeps its state: S3 with either lock, and Cloud Storage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testbed.aws import REGION, Aws, aws
from tests.testbed.google.resources import BUCKET
from tests.testbed.google.serving import Google, google_alone
from tests.testbed.terraform.plugins import Plugins, parts, terraform_plugins
from tests.testbed.terraform.workspace import QUIET, Workspace

pytestmark = pytest.mark.real

TYPES = ("random_id", "aws_s3_bucket", "aws_s3_bucket_versioning", "aws_dynamodb_table")
THING = """
resource "random_id" "this" {
  byte_length = 4
}
"""
# Takes as long as the test wants: until the file is there.
SLOW = """
resource "terraform_data" "this" {
  provisioner "local-exec" {
    command = "until [ -e go-on ]; do sleep 0.05; done"
  }
}
"""
LOCKS = {"lockfile": "use_lockfile = true", "dynamodb": 'dynamodb_table = "locks"'}


@pytest.fixture(scope="module")
def plugins() -> Iterator[Plugins]:
    with terraform_plugins(made=parts(TYPES)) as found:
        yield found


@pytest.fixture(scope="module")
def amazon() -> Iterator[Aws]:
    with aws() as found:
        found.client("s3").create_bucket(
            Bucket="state", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        found.client("dynamodb").create_table(
            TableName="locks",
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield found


def s3(key: str, lock: str) -> str:
    return f"""
terraform {{
  backend "s3" {{
    bucket         = "state"
    key            = "{key}"
    region         = "{REGION}"
    encrypt        = true
    use_path_style = true
    {LOCKS[lock]}
  }}
}}
"""


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_s3(plugins: Plugins, amazon: Aws, tmp_path: Path, lock: str) -> None:
    workspace = Workspace(tmp_path, {**plugins.environ, **amazon.environ})
    workspace.write(s3(f"{lock}.tfstate", lock) + THING)
    workspace.init()
    workspace.apply()
    assert workspace.plan() == {}
    state = amazon.client("s3").get_object(Bucket="state", Key=f"{lock}.tfstate")
    assert json.load(state["Body"])["resources"][0]["type"] == "random_id"


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_a_lock_of_s3_that_another_holds(
    plugins: Plugins, amazon: Aws, tmp_path: Path, lock: str
) -> None:
    workspace = Workspace(tmp_path, {**plugins.environ, **amazon.environ})
    workspace.write(s3(f"held-{lock}.tfstate", lock) + SLOW)
    held_by_another(workspace)


def test_a_bucket_that_is_not_there(plugins: Plugins, amazon: Aws, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, {**plugins.environ, **amazon.environ})
    workspace.write(s3("any", "lockfile").replace('"state"', '"nowhere"') + THING)
    assert 'S3 bucket "nowhere" does not exist' in workspace.fails("init", *QUIET)


@pytest.fixture
def google() -> Iterator[Google]:
    with google_alone() as found:
        yield found


@pytest.fixture
def at_google(plugins: Plugins, google: Google, tmp_path: Path) -> Workspace:
    key = str(google.key_file(google.account("provisioner")))
    environ = {**plugins.environ, **google.environ, "GOOGLE_APPLICATION_CREDENTIALS": key}
    google.resources.create(BUCKET, {"name": "dog-state", "project": "dog-project"})
    return Workspace(tmp_path, environ)


GCS = """
terraform {
  backend "gcs" {
    bucket = "dog-state"
    prefix = "dev"
  }
}
"""


def test_cloud_storage(google: Google, at_google: Workspace) -> None:
    at_google.write(GCS + THING)
    at_google.init()
    at_google.apply()
    assert at_google.plan() == {}
    assert google.storage.names("dog-state") == ["dev/default.tfstate"]
    stored = google.storage.objects["dog-state", "dev/default.tfstate"]
    assert json.loads(stored.content)["resources"][0]["type"] == "random_id"


def test_a_lock_of_cloud_storage_that_another_holds(at_google: Workspace) -> None:
    at_google.write(GCS + SLOW)
    held_by_another(at_google)


def test_a_bucket_of_cloud_storage_that_is_not_there(at_google: Workspace) -> None:
    at_google.write(GCS.replace("dog-state", "nowhere") + THING)
    assert "storage: bucket doesn't exist" in at_google.fails("init", *QUIET)


def held_by_another(workspace: Workspace) -> None:
    """Whoever comes second hears who was first; nothing is held when that is done."""
    workspace.init()
    first = workspace.creating()
    complaint = workspace.fails("plan", *QUIET)
    assert "Error acquiring the state lock" in complaint
    assert "Operation: OperationTypeApply" in complaint
    (workspace.folder / "go-on").touch()
    _, error = first.communicate()
    assert first.returncode == 0, error
    workspace.do("plan", *QUIET)


def test_what_terraform_makes_at_aws(plugins: Plugins, amazon: Aws, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, {**plugins.environ, **amazon.environ})
    workspace.write("""
provider "aws" {
  default_tags {
    tags = { project = "dog-gif-app" }
  }
}

resource "aws_s3_bucket" "this" {
  bucket = "made-by-terraform"
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_dynamodb_table" "this" {
  name         = "made-by-terraform"
  hash_key     = "LockID"
  billing_mode = "PAY_PER_REQUEST"

  attribute {
    name = "LockID"
    type = "S"
  }
}

output "arn" {
  value = aws_s3_bucket.this.arn
}
""")
    workspace.init()
    workspace.apply()
    assert workspace.outputs() == {"arn": "arn:aws:s3:::made-by-terraform"}
    assert workspace.plan() == {}
    s3, dynamodb = amazon.client("s3"), amazon.client("dynamodb")
    (tag,) = s3.get_bucket_tagging(Bucket="made-by-terraform")["TagSet"]
    assert tag == {"Key": "project", "Value": "dog-gif-app"}
    assert s3.get_bucket_versioning(Bucket="made-by-terraform")["Status"] == "Enabled"
    assert "made-by-terraform" in dynamodb.list_tables()["TableNames"]
    s3.put_object(Bucket="made-by-terraform", Key="state", Body=b"1")
    complaint = workspace.fails("destroy", "-auto-approve", *QUIET)
    assert "api error BucketNotEmpty: The bucket you tried to delete is not empty" in complaint
    for each in s3.list_object_versions(Bucket="made-by-terraform")["Versions"]:
        s3.delete_object(Bucket="made-by-terraform", Key="state", VersionId=each["VersionId"])
    workspace.destroy()
    assert "made-by-terraform" not in dynamodb.list_tables()["TableNames"]
