"""`main("google", "schema.json")`: the program that Terraform starts."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from tests.testbed.terraform.stand_in.provider import Provider
from tests.testbed.terraform.stand_in.serve import serve

DRIVERS = {"google": "google", "aws": "aws", "helm": "helm", "random": "chance"}


def main(provider: str, schema: str) -> None:
    """Be a provider with the schema in a file."""
    module = importlib.import_module(f"tests.testbed.terraform.stand_in.{DRIVERS[provider]}")
    serve(Provider(json.loads(Path(schema).read_text()), module.driver()))
