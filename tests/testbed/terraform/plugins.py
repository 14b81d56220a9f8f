"""Leads Terraform to the stand-ins instead of to its registry.

They have the names and versions of the real providers, so constraints such as `~> 6.50` hold, and
their schemas: what Terraform says of a configuration, it says of its own accord. A committed
`.terraform.lock.hcl` has the checksums of the real ones and does not fit.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.terraform import wheels
from tests.testbed.terraform.program import BUILD, terraform

HOST = "registry.terraform.io"
PLATFORM = "linux_amd64" if os.uname().machine == "x86_64" else "linux_arm64"
SCRIPT = """#!{python} -IB
import sys
sys.path.insert(0, {root!r})
from tests.testbed.terraform.stand_in.main import main
main({provider!r}, {schema!r})
"""
CONFIG = """
disable_checkpoint = true
provider_installation {{
  filesystem_mirror {{
    path    = "{mirror}"
    include = ["{host}/hashicorp/*"]
  }}
}}
"""


@dataclass(frozen=True)
class Parts:
    """What the stand-ins need: the programs, and the schemas of providers by name."""

    terraform: Path
    python: Path
    schemas: Mapping[str, Path]


@dataclass(frozen=True)
class Plugins:
    """Where Terraform finds its providers; `environ` leads it, and whoever starts it, there."""

    mirror: Path
    environ: Mapping[str, str]


def parts(types: Iterable[str] = ()) -> Parts:
    """What is needed for the types of the project's tf/ and these, made if this is the first time.

    To be called where the home directory is the real one, as in a fixture of a module. Raises
    MissingPackages.
    """
    wanted = wheels.used() | set(types)
    schemas = {each.provider: each.schema(wanted) for each in wheels.PROVIDERS}
    return Parts(terraform(), wheels.interpreter(), schemas)


def folders() -> set[str]:
    """The names of all that is in the cache for the project's tf/."""
    wanted = wheels.used()
    made = {each.folder for each in wheels.PROVIDERS} | {BUILD.folder, wheels.plugin_folder()}
    return made | {each.schema_folder(wanted) for each in wheels.PROVIDERS}


@contextmanager
def terraform_plugins(*types: str, made: Parts | None = None) -> Iterator[Plugins]:
    """The stand-ins, for the types of the project's tf/ and these: `aws_s3_bucket`,
    `data.google_project`.

    `environ` leads to Terraform as well. That of the stand-in of Google Cloud leads the provider
    there; without it, a configuration can be validated, and tested with mock providers.
    """
    found = made or parts(types)
    with tempfile.TemporaryDirectory(prefix="dogctl-terraform-") as name:
        folder = Path(name)
        mirror = folder / "providers"
        for bindings in wheels.PROVIDERS:
            install(mirror, bindings, found)
        config = folder / "terraform.rc"
        config.write_text(CONFIG.format(mirror=mirror, host=HOST))
        environ = {
            "CHECKPOINT_DISABLE": "1",
            "PATH": f"{found.terraform.parent}:{os.environ['PATH']}",
            "TF_CLI_CONFIG_FILE": str(config),
        }
        yield Plugins(mirror, environ)


def install(mirror: Path, bindings: wheels.Bindings, made: Parts) -> None:
    """Put a stand-in where Terraform looks for the provider."""
    provider, version = bindings.provider, bindings.version
    folder = mirror / HOST / "hashicorp" / provider / version / PLATFORM
    folder.mkdir(parents=True)
    path = folder / f"terraform-provider-{provider}_v{version}"
    schema = str(made.schemas[provider])
    path.write_text(
        SCRIPT.format(python=made.python, root=str(wheels.ROOT), provider=provider, schema=schema)
    )
    path.chmod(0o755)
