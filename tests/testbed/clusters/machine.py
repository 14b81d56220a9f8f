"""What a stand-in finds when it is run: what it remembers, and the cluster that it says is its own.

Stand-ins are processes of their own and are started many times, so they import little.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

Clusters = dict[str, dict[str, Any]]
# That of `minikube start --wait=true` is no switch.
SWITCH = re.compile(r"(--(?!wait=)[a-z-]+)=(?:(true)|false)")


@dataclass(frozen=True)
class Settings:
    """The cluster: its API server, the files of an administrator, and programs.

    `ctr` has a command line for the container runtime of each node.
    """

    server: str
    authority: str
    certificate: str
    key: str
    kubectl: str
    address: str
    ctr: list[list[str]]

    def write(self, folder: Path) -> None:
        """For the stand-ins to find."""
        (folder / "settings.json").write_text(json.dumps(asdict(self)))


class Leave(Exception):  # noqa: N818  # the end of a program, not always an error
    """The program ends with this code and these last words."""

    def __init__(self, code: int, words: str = "") -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Machine:
    """A folder of the test that the stand-ins share, and the name of the one that runs."""

    folder: Path
    program: str

    @property
    def settings(self) -> Settings:
        """What the test says."""
        return Settings(**json.loads((self.folder / "settings.json").read_text()))

    def note(self, words: Sequence[str]) -> None:
        """Keep the command line for the test."""
        with (self.folder / "log").open("a") as log:
            log.write(json.dumps([self.program, *words]) + "\n")

    def fail(self, words: Sequence[str]) -> None:
        """Raises Leave where the test wants this command to fail."""
        path = self.folder / "faults.json"
        for fault in json.loads(path.read_text()) if path.exists() else []:
            program, *some = fault["command"]
            given = iter(words)
            if program == self.program and all(word in given for word in some):
                raise Leave(fault["code"], fault["words"])

    @contextmanager
    def clusters(self) -> Iterator[Clusters]:
        """The clusters of this program by name; changes are kept. One process at a time."""
        with (self.folder / f"{self.program}.json").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            found = json.loads(file.read() or "{}")
            try:
                yield found
            finally:
                file.seek(0)
                file.truncate()
                file.write(json.dumps(found))

    def load(self, archive: Path) -> bool:
        """Whether all nodes took the images of an archive of `docker save`."""
        taken = []
        for ctr in self.settings.ctr:
            with archive.open("rb") as content:
                words = [*ctr, "images", "import", "-"]
                taken.append(run(words, stdin=content).returncode == 0)
        return all(taken)

    def images(self) -> list[str]:
        """The images of the first node by name."""
        return run([*self.settings.ctr[0], "images", "list", "--quiet"]).stdout.splitlines()

    def configure(self, name: str, path: Path, *, embed: bool, current: bool) -> None:
        """Put a context of that name into a kubeconfig."""
        cluster = self.settings
        path.parent.mkdir(parents=True, exist_ok=True)
        embedding = f"--embed-certs={str(embed).lower()}"
        self.config(
            path,
            "set-cluster",
            name,
            f"--server={cluster.server}",
            f"--certificate-authority={cluster.authority}",
            embedding,
        )
        self.config(
            path,
            "set-credentials",
            name,
            f"--client-certificate={cluster.certificate}",
            f"--client-key={cluster.key}",
            embedding,
        )
        self.config(path, "set-context", name, f"--cluster={name}", f"--user={name}")
        if current:
            self.config(path, "use-context", name)

    def unconfigure(self, name: str, path: Path) -> None:
        """Take the context out again, with its cluster and user."""
        if not path.exists():
            return
        if self.config(path, "current-context") == name:
            self.config(path, "unset", "current-context")
        for kind in ("context", "cluster", "user"):
            self.config(path, f"delete-{kind}", name)

    def configured(self, name: str, path: Path) -> bool:
        """Whether the kubeconfig leads to the cluster under that name."""
        query = f'jsonpath={{.clusters[?(@.name=="{name}")].cluster.server}}'
        return self.config(path, "view", f"--output={query}") == self.settings.server

    def config(self, path: Path, *words: str) -> str:
        """What `kubectl config` says."""
        command = [self.settings.kubectl, "config", f"--kubeconfig={path}", *words]
        return run(command).stdout.strip()


def run(words: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """A program that has ended."""
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)


@contextmanager
def saved(*images: str) -> Iterator[Path | None]:
    """An archive of images of the Docker engine; None if it does not have them."""
    with tempfile.TemporaryDirectory(prefix="dogctl-images-") as folder:
        path = Path(folder, "images.tar")
        done = run(["docker", "save", f"--output={path}", *images])
        yield path if done.returncode == 0 else None


def kubeconfigs(explicit: str = "") -> list[Path]:
    """The files that may be meant: that of a flag, those of $KUBECONFIG, or that of the home."""
    listed = [explicit] if explicit else os.environ.get("KUBECONFIG", "").split(os.pathsep)
    return [Path(name) for name in listed if name] or [Path.home() / ".kube/config"]


def plain(words: Sequence[str]) -> list[str]:
    """Without what argparse does not know: `--flag=true` is `--flag`, and `--flag=false` nothing."""
    found = [(word, SWITCH.fullmatch(word)) for word in words]
    return [switch[1] if switch else word for word, switch in found if not switch or switch[2]]


class Parser(argparse.ArgumentParser):
    """Flags as Go's programs take them; wrong ones raise Leave with the code given."""

    code = 1
    form = "{}"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"add_help": False, "allow_abbrev": False} | options)

    def error(self, message: str) -> NoReturn:
        """Say it as they do."""
        unknown = message.partition("unrecognized arguments: ")[2]
        raise Leave(self.code, self.form.format(f"unknown flag: {unknown}" if unknown else message))


def end(machine: Machine, words: Sequence[str], main: Any) -> int:
    """Run a stand-in's main function; its exit code."""
    machine.note(words)
    try:
        machine.fail(words)
        main(machine, words)
    except Leave as left:
        if str(left):
            print(left, file=sys.stderr)
        return left.code
    return 0


def flags(parser: argparse.ArgumentParser, ignored: Mapping[str, Any]) -> None:
    """Flags that are taken and make no difference, with the type that they have."""
    for name, kind in ignored.items():
        if kind is bool:
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name}", type=kind)
