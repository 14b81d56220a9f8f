"""A project whose infrastructure real Terraform makes, with its state in a store that speaks S3."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from dogctl.plan import Outcome, Step
from tests.dogctl.conftest import Done, Project
from tests.testbed.aws import REGION, Aws, aws

BUCKET, TABLE = "kennel-state", "kennel-locks"
KEY = "dogs/tiny/dev.tfstate"

SETTINGS = f"""
[tool.dogctl]
name = "tiny"
infra = "tf/app"

[tool.dogctl.env.dev]
state = "s3://{BUCKET}/dogs"
state-region = "{REGION}"

[tool.dogctl.env.here]
state = "local"

[tool.dogctl.env.prod]
state = "s3://{BUCKET}/dogs"
state-region = "{REGION}"
protected = true

[tool.dogctl.env.bare]
state = "local"
"""
# terraform_data is Terraform's own, and needs no provider.
MODULE = """
variable "name" { type = string }
resource "terraform_data" "kennel" { input = var.name }
output "kennel" { value = terraform_data.kennel.output }
"""
ROOT = """
variable "name" { type = string }
variable "environment" { type = string }
variable "size" {
  type    = number
  default = 1
}
variable "password" {
  type      = string
  sensitive = true
  default   = "bones-are-hidden"
}
module "kennel" {
  source = "../modules/kennel"
  name   = "${var.name}-${var.environment}"
}
resource "terraform_data" "bowl" { input = var.size }
resource "terraform_data" "lock" { input = var.password }
output "kennel" { value = module.kennel.kennel }
output "bowl" { value = { size = terraform_data.bowl.output, full = true } }
output "password" {
  value     = terraform_data.lock.output
  sensitive = true
}
"""


@dataclass(frozen=True)
class Store:
    """A store for states, which speaks S3 and DynamoDB."""

    aws: Aws

    @property
    def url(self) -> str:
        return self.aws.url

    @property
    def environ(self) -> Mapping[str, str]:
        """What leads a process to it."""
        return self.aws.environ

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def make_bucket(self, name: str = BUCKET) -> None:
        self.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def names(self, name: str = BUCKET) -> list[str]:
        """The names of all there is in a bucket."""
        found = self.client("s3").list_objects_v2(Bucket=name)
        return sorted(each["Key"] for each in found.get("Contents", ()))

    def read(self, key: str, name: str = BUCKET) -> bytes:
        return bytes(self.client("s3").get_object(Bucket=name, Key=key)["Body"].read())

    def write(self, key: str, content: bytes, name: str = BUCKET) -> None:
        self.client("s3").put_object(Bucket=name, Key=key, Body=content)

    def empty(self) -> None:
        """As it was at the beginning."""
        requests.post(f"{self.url}/moto-api/reset", timeout=10)


@contextmanager
def store() -> Iterator[Store]:
    """A store with nothing in it."""
    with aws() as found:
        yield Store(found)


@dataclass
class InfraProject:
    """The project, and a dogctl that knows the store."""

    project: Project
    store: Store
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.configure(SETTINGS)
        self.write("app/main.tf", ROOT)
        self.write("modules/kennel/main.tf", MODULE)

    def configure(self, text: str) -> None:
        self.project.configure(text)

    def dogctl(self, *words: str, environment: str = "dev", **variables: str) -> Done:
        given = {**self.store.environ, **self.environ, **variables}
        return self.project.dogctl(*words, "--env", environment, **given)

    def start(self, *words: str, environment: str = "dev") -> subprocess.Popen[str]:
        """A dogctl that goes on while the test does something else."""
        return subprocess.Popen(
            self.project.argv(*words, "--env", environment),
            cwd=self.root,
            env=self.project.environ(**{**self.store.environ, **self.environ}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def root(self) -> Path:
        return self.project.root

    def write(self, name: str, text: str) -> None:
        """A file below tf/."""
        path = self.root / "tf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def place(self, environment: str = "dev") -> Path:
        return self.root / ".dogctl" / "infra" / environment


class Silent:
    """A Reporter that tells nobody."""

    def started(self, step: Step) -> None: ...
    def progress(self, step: Step, message: str) -> None: ...
    def glance(self, step: Step, message: str) -> None: ...
    def finished(self, step: Step, outcome: Outcome) -> None: ...
