"""`dogctl infra bootstrap` at a store that is reached by TLS, as Amazon's is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
import trustme

from dogctl.tools.processes import port_is_free
from tests.dogctl.conftest import Project
from tests.dogctl.infra_project import BUCKET, InfraProject, Store
from tests.eventually import eventually
from tests.testbed.aws import REGION, Aws, environ
from tests.testbed.namespaces import WITH_PARENT, killed
from tests.testbed.ports import free_port

pytestmark = pytest.mark.real

ARN = f"arn:aws:s3:::{BUCKET}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """A store, and the file with the authority that vouches for it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    given = authority.issue_cert("127.0.0.1")
    given.private_key_pem.write_to_path(tmp_path / "key.pem")
    given.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    port = free_port()
    files = [f"--ssl-cert={tmp_path}/certificate.pem", f"--ssl-key={tmp_path}/key.pem"]
    words = [sys.executable, "-m", "moto.server", "--host=127.0.0.1", f"--port={port}", *files]
    process = subprocess.Popen(
        [*WITH_PARENT, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with killed(process):
        eventually(lambda: not port_is_free(port))
        url = f"https://127.0.0.1:{port}"
        yield Store(Aws(url, environ(url))), str(tmp_path / "authority.pem")


def test_who_comes_without_tls_is_refused_from_then_on(
    store: tuple[Store, str], new_project: Callable[[], Project]
) -> None:
    found, authority = store
    project = InfraProject(new_project(), found, {"AWS_CA_BUNDLE": authority})
    s3 = boto3.client(
        "s3",
        endpoint_url=found.url,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="y",
        verify=authority,
    )
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    theirs = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket"}
    policy = {"Version": "2012-10-17", "Statement": [{**theirs, "Resource": ARN}]}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))

    made = project.dogctl("infra", "bootstrap", "--json")
    assert "transport" in made.json["data"]["made"], made.out
    kept, ours = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert kept["Action"] == "s3:ListBucket"
    assert ours["Effect"] == "Deny"
    assert ours["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert ours["Resource"] == [ARN, f"{ARN}/*"]
    again = project.dogctl("infra", "bootstrap", "--json")
    assert again.json["data"]["made"] == []
