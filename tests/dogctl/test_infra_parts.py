"""What is read out of Terraform's own words, and decided by it: no Terraform here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dogctl.errors import ConfigError
from dogctl.lifecycle.infra.cluster import is_known
from dogctl.lifecycle.infra.planned import outputs_of
from dogctl.lifecycle.infra.state import State, Store
from dogctl.lifecycle.infra.variables import check_variables
from dogctl.tools.terraform import changes
from dogctl.tools.terraform.causes import Lock, Verb, refusal
from dogctl.tools.terraform.changes import KnownCluster
from dogctl.tools.terraform.events import Diagnostic, Transcript

FOLDER = Path(".dogctl/infra/dev/work/tf/gke")


def resource(address: str, *actions: str, **more: Any) -> dict[str, Any]:
    """One of a plan's `resource_changes`."""
    kind = address.split(".")[-2]
    reason, mode = more.pop("action_reason", None), more.pop("mode", "managed")
    change = {"actions": list(actions), **more}
    found = {"address": address, "type": kind, "mode": mode, "change": change}
    return found | ({"action_reason": reason} if reason else {})


def lines(*found: Mapping[str, Any], drift: tuple[Mapping[str, Any], ...] = ()) -> list[str]:
    plan = {"resource_changes": list(found), "resource_drift": list(drift)}
    return [each.line() for each in changes.changes(plan)]


def test_each_change_has_its_line_and_what_is_lost_comes_last() -> None:
    assert lines(
        resource("google_sql_database_instance.main", "delete", before={"name": "dogs"}),
        resource("google_compute_network.main", "create", after={"name": "dogs"}),
        resource("google_dns_record_set.main", "no-op"),
        resource(
            "google_compute_address.main",
            *("delete", "create"),
            before={"region": "a"},
            after={"region": "b"},
            replace_paths=[["region"]],
        ),
        resource("data.google_project.this", "read", mode="data"),
        resource("google_project_service.apis", "forget"),
        resource(
            "google_container_node_pool.main",
            "update",
            before={"node_count": 1, "version": "1"},
            after={"node_count": 3, "version": None},
            after_unknown={"version": True},
        ),
    ) == [
        "> data.google_project.this",
        "+ google_compute_network.main",
        '~ google_container_node_pool.main: node_count: 1 → 3, version: "1" → known after apply',
        "= google_project_service.apis: stays, and is Terraform's no more",
        (
            "-/+ google_compute_address.main: DESTROYED and made anew, since region cannot be changed"
            ' in place: region: "a" → "b"'
        ),
        "- google_sql_database_instance.main: DESTROYED, and it is PROTECTED or holds data",
    ]


def test_what_others_have_changed_is_told_unless_it_is_changed_back() -> None:
    drifted = resource("aws_s3_bucket.a", "update", before={"acl": 1}, after={"acl": 2})
    gone = resource("aws_s3_bucket.b", "delete", before={})
    assert lines(drift=(drifted, gone)) == [
        "! aws_s3_bucket.a: was changed outside of Terraform: acl: 1 → 2",
        "! aws_s3_bucket.b: was changed outside of Terraform: it is gone",
    ]
    back = resource("aws_s3_bucket.a", "update", before={"acl": 2}, after={"acl": 1})
    assert lines(back, drift=(drifted,)) == ["~ aws_s3_bucket.a: acl: 2 → 1"]
    plan = {"resource_drift": [drifted], "applyable": False}
    assert changes.does_something(plan) is False


@pytest.mark.parametrize(
    ("address", "before", "protected"),
    [
        ("google_storage_bucket.a", {}, True),
        ("google_storage_bucket_iam_member.a", {}, False),
        ("google_secret_manager_secret.a", {}, True),
        ("google_secret_manager_secret_version.a", {}, False),
        ("google_container_cluster.a", {}, True),
        ("google_container_node_pool.a", {}, False),
        ("google_compute_instance.a", {"deletion_protection": True}, True),
        ("google_compute_instance.a", {"deletion_protection": False}, False),
        ("google_project.a", {"deletion_policy": "PREVENT"}, True),
        ("google_project.a", {"settings": [{"deletion_protection_enabled": True}]}, True),
        ("aws_dynamodb_table.a", {}, True),
    ],
    ids=lambda value: str(value),
)
def test_what_is_protected(address: str, before: dict[str, Any], protected: bool) -> None:
    (found,) = changes.changes({"resource_changes": [resource(address, "delete", before=before)]})
    assert found.protected is protected


def test_secrets_are_masked_and_remembered() -> None:
    change = resource(
        "google_sql_user.app",
        "update",
        before={"password": "old-bone-1", "tags": ["a", "hidden-2"], "name": "dog"},
        after={"password": "new-bone-1", "tags": ["a", "hidden-3"], "name": "cat"},
        before_sensitive={"password": True, "tags": [False, True]},
        after_sensitive={"password": True, "tags": [False, True]},
    )
    plan = {
        "resource_changes": [change],
        "output_changes": {
            "key": {
                "actions": ["create"],
                "after": {"pem": "-----key-----"},
                "after_sensitive": True,
            }
        },
    }
    (found,) = changes.changes(plan)
    assert found.fields == ("password: *** → ***", "tags: *** → ***", 'name: "dog" → "cat"')
    assert {each.reveal() for each in changes.secrets(plan)} == {
        *("old-bone-1", "new-bone-1", "hidden-2", "hidden-3", "-----key-----")
    }


def test_a_summary_counts() -> None:
    plan = {
        "resource_changes": [
            resource("a.b", "create"),
            resource("a.c", "create"),
            resource("google_storage_bucket.d", "delete"),
        ]
    }
    found = changes.changes(plan)
    assert changes.summary(found) == "2 to create, 1 to DESTROY, 1 of them PROTECTED"
    assert sum(each.counts for each in found) == 3


def test_what_the_state_has_is_read_in_all_modules() -> None:
    cluster = {
        "address": "module.cluster.google_container_cluster.this",
        "mode": "managed",
        "type": "google_container_cluster",
        "values": {
            "name": "dogs",
            "location": "europe-west1",
            "endpoint": "10.0.0.2",
            "deletion_protection": True,
        },
    }
    root = {"child_modules": [{"child_modules": [{"resources": [cluster]}]}]}
    plan = {"prior_state": {"values": {"root_module": root}}}
    assert changes.protections(plan) == (f"{cluster['address']}: deletion_protection = true",)
    (known,) = changes.clusters(plan)
    assert (known.name, known.location, known.endpoint) == ("dogs", "europe-west1", "10.0.0.2")
    assert changes.is_at_google(plan)
    assert not changes.is_at_google({})


def test_outputs_that_are_not_known_yet_are_left_out() -> None:
    found = outputs_of(
        {
            "host": {"sensitive": False, "value": "db"},
            "key": {"sensitive": True, "value": {"a": 1}},
            "address": {"sensitive": False},
        }
    )
    assert found.values == {"host": "db"}
    assert found.secrets["key"].reveal() == '{"a": 1}'


# As they come: from providers of Google and Amazon, and from Terraform itself.
CAUSES = [
    (
        Verb.APPLY,
        (
            "Error creating Network: googleapi: Error 403: Quota 'NETWORKS' exceeded.  Limit: 5.0"
            " globally., quotaExceeded"
        ),
        "cloud-quota",
        "",
    ),
    (
        Verb.APPLY,
        (
            'googleapi: Error 403: Insufficient regional quota to satisfy request: resource "CPUS":'
            " request requires '9.0' and is short '1.0'., forbidden"
        ),
        "cloud-quota",
        "",
    ),
    (
        Verb.APPLY,
        (
            "googleapi: Error 403: Cloud SQL Admin API has not been used in project dogs before or it"
            " is disabled. Enable it by visiting"
            " https://console.developers.google.com/apis/api/sqladmin.googleapis.com/overview?project=dogs"
            ' then retry.\n"reason": "SERVICE_DISABLED"'
        ),
        "api-disabled",
        "gcloud services enable sqladmin.googleapis.com",
    ),
    (
        Verb.APPLY,
        (
            "googleapi: Error 403: Required 'compute.networks.create' permission for"
            " 'projects/dogs/global/networks/dogs', forbidden"
        ),
        "cloud-forbidden",
        "compute.networks.create",
    ),
    (
        Verb.PLAN,
        "operation error S3: HeadObject, https response error StatusCode: 403, api error Forbidden",
        "cloud-forbidden",
        "",
    ),
    (Verb.INIT, "No valid credential sources found", "cloud-credentials", "GCP_CREDENTIALS"),
    (
        Verb.INIT,
        "storage.NewClient() failed: dialing: google: could not find default credentials.",
        "cloud-credentials",
        "",
    ),
    (Verb.INIT, 'S3 bucket "dogs" does not exist.', "state-bucket-missing", "infra bootstrap"),
    (
        Verb.INIT,
        "querying Cloud Storage failed: storage: bucket doesn't exist",
        "state-bucket-missing",
        "",
    ),
    (
        Verb.PLAN,
        "operation error DynamoDB: PutItem, ResourceNotFoundException: Requested resource not found",
        "state-table-missing",
        "infra bootstrap",
    ),
    (
        Verb.APPLY,
        (
            "Instance cannot be destroyed\nResource google_sql_database_instance.main has"
            " lifecycle.prevent_destroy set"
        ),
        "infra-protected",
        "",
    ),
    (
        Verb.APPLY,
        "Error: Error, failed to create a bucket because it already exists: googleapi: Error 409",
        "already-exists",
        "import",
    ),
    (
        Verb.APPLY,
        (
            'Post "https://compute.googleapis.com/...": dial tcp 127.0.0.1:443: connect: connection'
            " refused"
        ),
        "cloud-unreachable",
        "goes on from here",
    ),
    (Verb.APPLY, "no dogs here", "terraform-failed", ""),
]


@pytest.mark.parametrize(
    ("verb", "said", "code", "hint"), CAUSES, ids=[f"{c[2]}-{at}" for at, c in enumerate(CAUSES)]
)
def test_a_cause_is_known_by_its_words(verb: Verb, said: str, code: str, hint: str) -> None:
    error = refusal(Transcript(errors=[Diagnostic(said)]), verb, FOLDER)
    assert error.code == code, error.message
    assert hint in " ".join((error.message, error.hint or "", *error.detail))


def test_a_complaint_in_a_frame_is_read() -> None:
    said = ["╷", "│ Error: Failed to load state", "│ ", "│ the dog ate it", "╵"]
    error = refusal(Transcript(other=said), Verb.LOOK, FOLDER)
    assert (error.message, error.detail) == ("Terraform: Failed to load state", ("the dog ate it",))
    assert refusal(Transcript(), Verb.LOOK, FOLDER).message == "Terraform: it ended without a word"


def test_who_holds_a_lock_and_for_how_long() -> None:
    text = (
        "Error acquiring the state lock\nError message: 412\nLock Info:\n  ID:        44e4-47e\n"
        "  Path:      kennel/dogs/dev.tfstate\n  Operation: OperationTypeApply\n"
        "  Who:       dog@kennel\n  Version:   1.11.4\n"
        "  Created:   2026-11-21 19:02:07.839067217 +0000 UTC\n  Info:      \n"
    )
    lock = Lock.find(text)
    assert lock is not None
    assert (lock.id, lock.who, lock.doing) == ("44e4-47e", "dog@kennel", "apply")
    assert lock.age(datetime(2026, 11, 21, 19, 9, 7, tzinfo=UTC)) == "7 min"
    error = refusal(Transcript(errors=[Diagnostic(text)]), Verb.PLAN, FOLDER)
    assert error.code == "state-locked"
    assert f"terraform -chdir={FOLDER} force-unlock 44e4-47e" in str(error.hint)


def test_progress_is_told_and_what_remains_is_known() -> None:
    heard = Transcript()
    said = []
    for kind, more in (
        ("apply_start", {}),
        ("apply_progress", {"elapsed_seconds": 20}),
        ("apply_complete", {"elapsed_seconds": 31}),
    ):
        hook = {"resource": {"addr": "a.b"}, "action": "create", **more}
        said.append(heard.hear(json.dumps({"type": kind, "hook": hook})))
    assert [each and (each.text, each.passing) for each in said] == [
        ("creating a.b", True),
        ("creating a.b for 20 s", True),
        ("a.b created in 31 s", False),
    ]
    assert [str(each) for each in heard.done] == ["a.b created in 31 s"]
    assert heard.under_way == {}
    for address in ("a.c", "a.d"):
        hook = {"resource": {"addr": address}, "action": "delete"}
        told = heard.hear(json.dumps({"type": "apply_start", "hook": hook}))
    assert told is not None
    assert told.text == "destroying a.c, destroying a.d"
    heard.hear(json.dumps({"type": "apply_errored", "hook": hook}))
    assert (list(heard.under_way), heard.failed) == (["a.c"], ["a.d"])
    assert heard.hear("panic: dogs") is None
    assert heard.other == ["panic: dogs"]


def test_a_state_knows_its_place() -> None:
    s3 = State(Store.S3, "kennel", "dogs", "tiny/dev", None, "eu-west-1", Path("x"))
    assert s3.backend({}) == {
        "s3": {
            "bucket": "kennel",
            "key": "dogs/tiny/dev.tfstate",
            "encrypt": True,
            "region": "eu-west-1",
            "use_lockfile": True,
        }
    }
    local = s3.backend({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})["s3"]
    assert local["use_path_style"] is True
    assert "skip_credentials_validation" not in local
    other = s3.backend({"AWS_ENDPOINT_URL_S3": "https://minio"})["s3"]
    assert other["skip_credentials_validation"] is True
    table = State(Store.S3, "kennel", "", "tiny/dev", "locks", None, Path("x")).backend({})["s3"]
    assert (table["key"], table["dynamodb_table"]) == ("tiny/dev.tfstate", "locks")
    assert "use_lockfile" not in table
    gcs = State(Store.GCS, "kennel", "dogs", "tiny/dev", None, None, Path("x"))
    assert gcs.backend({}) == {"gcs": {"bucket": "kennel", "prefix": "dogs/tiny/dev"}}
    assert gcs.shown == "gs://kennel/dogs/tiny/dev"


def test_a_variable_of_a_file_is_not_to_contradict_the_settings() -> None:
    given = {"region": "europe-west1", "unknown": "x"}
    check_variables(given, {"variables": {"region": {"value": "europe-west1"}}}, None)
    with pytest.raises(ConfigError) as refused:
        check_variables(given, {"variables": {"region": {"value": "us-east1"}}}, Path("dev.tfvars"))
    assert refused.value.where == "dev.tfvars"


@pytest.mark.parametrize(
    ("known", "is_ours"),
    [
        ([], False),
        ([KnownCluster("dogs", "europe-west1", "10.0.0.2")], True),
        ([KnownCluster("cats", "europe-west1", "10.0.0.2")], False),
        ([KnownCluster("cats", None, "https://kennel.eks.amazonaws.com")], True),
        ([KnownCluster("cats", None, "kennel.eks.amazonaws.com:443")], True),
        ([KnownCluster("cats", None, None)], False),
    ],
    ids=lambda value: str(value),
)
def test_only_a_cluster_of_terraforms_is_emptied(known: list[KnownCluster], is_ours: bool) -> None:
    settings = SimpleNamespace(cluster="dogs", region="europe-west1")
    cluster = SimpleNamespace(kubernetes=SimpleNamespace(server="https://kennel.eks.amazonaws.com"))
    project = SimpleNamespace(settings=settings)
    assert is_known(cluster, project, known) is is_ours  # type: ignore[arg-type]
