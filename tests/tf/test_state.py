"""The place where Terraform keeps its state, made at an AWS that answers as the real one does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.aws import Aws, aws
from tests.testbed.terraform.plugins import Parts, parts, terraform_plugins
from tests.tf.terraform import Copy, copy

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

BUCKETS = ("kennel-charts", "kennel-state")
GIVEN = {
    "TF_VAR_name": "dogs",
    "TF_VAR_bucket": "kennel-state",
    "TF_VAR_charts_bucket": "kennel-charts",
    "TF_VAR_lock_table": "kennel-lock",
    # dogctl passes it for Google, and AWS knows no such region.
    "TF_VAR_region": "europe-west1",
}
LABELS = {"project": "dogs", "environment": "shared", "managed-by": "dogctl"}
QUIET = ("-auto-approve", "-input=false", "-no-color")


@pytest.fixture(scope="module")
def made() -> Parts:
    return parts()


@pytest.fixture
def amazon() -> Iterator[Aws]:
    with aws() as found:
        yield found


@pytest.fixture
def state(made: Parts, amazon: Aws, tmp_path: Path) -> Iterator[Copy]:
    with terraform_plugins(made=made) as plugins:
        yield copy("state", tmp_path, {**plugins.environ, **amazon.environ, **GIVEN})


def resources(state: Copy) -> Iterator[Mapping[str, Any]]:
    """What Terraform made, as it knows it."""
    root = json.loads(state.do("show", "-json"))["values"]["root_module"]
    for module in (root, *root["child_modules"]):
        yield from module["resources"]


def test_buckets_and_a_table_come_and_go(state: Copy, amazon: Aws) -> None:
    state.do("apply", *QUIET)
    at_s3, tables = amazon.client("s3"), amazon.client("dynamodb")
    assert sorted(bucket["Name"] for bucket in at_s3.list_buckets()["Buckets"]) == list(BUCKETS)
    assert tables.list_tables()["TableNames"] == ["kennel-lock"]
    tagged = [each["values"]["tags_all"] for each in resources(state) if carries(each)]
    assert tagged == [LABELS] * (len(BUCKETS) + 1)
    assert state.run("plan", "-detailed-exitcode", "-no-color").code == 0
    refused = state.run("destroy", *QUIET)
    assert refused.code == 1
    assert "DeletionProtectionEnabled" in refused.said
    state.do("apply", *QUIET, "-var=deletion_protection=false")
    state.do("destroy", *QUIET)
    assert at_s3.list_buckets()["Buckets"] == []
    assert tables.list_tables()["TableNames"] == []


def carries(resource: Mapping[str, Any]) -> bool:
    """Whether it has tags."""
    return "tags_all" in resource["values"]
