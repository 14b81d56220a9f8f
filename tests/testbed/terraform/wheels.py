"""What the stand-ins of providers are made of, downloaded from PyPI into the test bed's cache."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import cache
from tests.testbed.debian import MissingPackages
from tests.testbed.stages import stage
from tests.testbed.terraform import schema

ROOT = Path(__file__).resolve().parents[3]
TYPE = re.compile(r'^\s*(resource|data)\s+"(\w+)"\s+"\w+"', re.MULTILINE)
# The plugin protocol wants an older protobuf than Google's libraries, so a place of its own; boto3 is
# for the stand-in of AWS.
PROTOCOL = ("tf==1.2.0", "protobuf<6", "boto3>=1.40")


@dataclass(frozen=True)
class Bindings:
    """A provider: CDK for Terraform's bindings, and the version of the provider they are for.

    `objects` says whether it was written for version 6 of the plugin protocol, which has nested
    attributes in the place of blocks.
    """

    provider: str
    package: str
    version: str
    objects: bool = False

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"cdktf-cdktf-provider-{self.provider}=={self.package}"

    def wheel(self) -> Path:
        """The bindings, downloaded if this is the first time. Raises MissingPackages."""
        (found,) = cache.once(self.folder, self._download).glob("*.whl")
        return found

    @property
    def folder(self) -> str:
        """The name of the bindings in the cache."""
        return f"bindings-{cache.key(self.requirement)}"

    def schema_folder(self, types: Iterable[str]) -> str:
        """The name of the schemas of these types in the cache."""
        source = Path(schema.__file__).read_bytes()
        return f"provider-{cache.key(self.requirement, source, repr(self._own(types)))}"

    def schema(self, types: Iterable[str]) -> Path:
        """A file with the schemas of these types; those of others are left out.

        Raises MissingPackages, and LookupError for a type that there is not.
        """

        def make(into: Path) -> None:
            found = schema.extract(
                self.wheel(), self.provider, self._own(types), objects=self.objects
            )
            (into / "schema.json").write_text(json.dumps(found))
            (into / "versions").write_text(f"schemas of hashicorp/{self.provider} {self.version}\n")

        return cache.once(self.schema_folder(types), make) / "schema.json"

    def _own(self, types: Iterable[str]) -> list[str]:
        return sorted({name for name in types if provider_of(name) == self.provider})

    def _download(self, into: Path) -> None:
        with stage(f"downloading the schema of hashicorp/{self.provider} {self.version}"):
            pip(sys.executable, "download", "--no-deps", f"--dest={into}", self.requirement)
        (into / "versions").write_text(f"{self.requirement}\n")


PROVIDERS = (
    Bindings("google", "16.12.1", "6.50.0"),
    Bindings("aws", "21.22.1", "6.25.0"),
    Bindings("helm", "12.1.2", "3.1.1", objects=True),
    Bindings("random", "12.0.1", "3.7.2"),
)


def provider_of(name: str) -> str:
    """`google` for `google_project` and `data.google_project`."""
    return name.removeprefix("data.").partition("_")[0]


def used(folder: Path = ROOT / "tf") -> set[str]:
    """The types in Terraform's files of a folder, those of data sources as `data.google_project`."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*.tf")):
        for kind, name in TYPE.findall(path.read_text()):
            found.add(f"data.{name}" if kind == "data" else name)
    known = {bindings.provider for bindings in PROVIDERS}
    return {name for name in found if provider_of(name) in known}


def interpreter() -> Path:
    """A Python that has the plugin protocol, made if this is the first time.

    Raises MissingPackages.
    """
    return cache.once(plugin_folder(), make_interpreter) / "venv/bin/python"


def plugin_folder() -> str:
    """Its name in the cache."""
    return f"plugin-{cache.key(sys.version, sys.base_prefix, *PROTOCOL)}"


def make_interpreter(into: Path) -> None:
    """Fill the folder. It is renamed when it is done, which only the scripts of a venv mind."""
    with stage("making a place for the stand-ins of Terraform's providers"):
        run(sys.executable, "-m", "venv", str(into / "venv"))
        pip(str(into / "venv/bin/python"), "install", *PROTOCOL)
    (into / "versions").write_text("".join(f"{each}\n" for each in PROTOCOL))


def pip(python: str, *words: str) -> None:
    """Run pip. Raises MissingPackages."""
    run(python, "-m", "pip", "--quiet", "--disable-pip-version-check", *words)


def run(*words: str) -> None:
    """Run a command. Raises MissingPackages with what it complained of."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingPackages(f"{' '.join(words)}: {done.stderr[-500:]}")
