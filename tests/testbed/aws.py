"""AWS, as moto's server answers for it: S3, DynamoDB, STS, IAM, ECR and more, over HTTP.

https://docs.getmoto.org/en/latest/docs/server_mode.html
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.testbed.namespaces import WITH_PARENT, killed
from tests.testbed.ports import free_port
from tests.testbed.registries.serving import Network

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's own
START_SECONDS = 60


@dataclass(frozen=True)
class Aws:
    """An AWS with nothing in it.

    `environ` leads boto3, the AWS CLI and Terraform's S3 backend to it. The backend's configuration
    has to say `use_path_style = true`: a bucket has no host name of its own here.
    """

    url: str
    environ: Mapping[str, str]

    def client(self, service: str) -> Any:
        """A client of boto3, for threads in the network in which it runs."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environ["AWS_SECRET_ACCESS_KEY"],
        )


@contextmanager
def aws(network: Network = nullcontext) -> Iterator[Aws]:
    """A server of its own, in the network of a cluster (`cluster.network`) or this machine's."""
    with network():
        port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-m", "moto.server", "--host=127.0.0.1", f"--port={port}"]
    with tempfile.TemporaryDirectory(prefix="dogctl-aws-") as folder:
        log = Path(folder) / "log"
        with network(), log.open("wb") as output:
            process = subprocess.Popen(
                [*WITH_PARENT, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": folder},
            )
        with killed(process):
            with network():
                wait(process, url, log)
            yield Aws(url, environ(url))


def environ(url: str) -> dict[str, str]:
    """What a process needs to ask this AWS instead of the other."""
    return {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # Where people have profiles, these are not for tests.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/canary/bPxRfiCYEXAMPLEKEY",
    }


def wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return as soon as it answers. Raises RuntimeError with what it complained of."""
    deadline = time.monotonic() + START_SECONDS
    with requests.Session() as session:
        session.trust_env = False
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if session.get(f"{url}/moto-api/data.json", timeout=5).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.05)
    raise RuntimeError(f"moto's server did not start:\n{log.read_text()[-2000:]}")
