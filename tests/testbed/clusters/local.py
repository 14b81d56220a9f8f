"""`minikube` and `kind` on the PATH, with the test bed's cluster behind them."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.cluster import addresses, node
from tests.testbed.cluster.cluster import Cluster
from tests.testbed.cluster.node import Node
from tests.testbed.clusters.machine import Settings
from tests.testbed.services import environ

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ("minikube", "kind")
SCRIPT = """#!{python} -IB
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.testbed.clusters import {name}
from tests.testbed.clusters.machine import Machine, end
sys.exit(end(Machine(Path({folder!r}), {name!r}), sys.argv[1:], {name}.main))
"""


@dataclass(frozen=True)
class LocalClusters:
    """The stand-ins, to be run in the network of the cluster.

    `environ` leads to them; KUBECONFIG is a file of their own, which is not there at first.
    """

    folder: Path
    environ: Mapping[str, str]

    @property
    def kubeconfig(self) -> Path:
        """Where they put what leads to the cluster."""
        return Path(self.environ["KUBECONFIG"])

    def calls(self) -> list[list[str]]:
        """The command lines so far, each with the name of the program."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line) for line in lines]

    def fail(self, *command: str, code: int = 1, words: str = "") -> None:
        """From now on commands with these words in them, in that order, end like this."""
        path = self.folder / "faults.json"
        faults = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps([{"command": command, "code": code, "words": words}, *faults]))

    def mend(self) -> None:
        """From now on nothing fails by itself."""
        (self.folder / "faults.json").unlink(missing_ok=True)


@contextmanager
def local_clusters(cluster: Cluster, *others: Node) -> Iterator[LocalClusters]:
    """Both programs, with no clusters yet. Images are loaded into the others' nodes, too."""
    with tempfile.TemporaryDirectory(prefix="dogctl-clusters-") as name:
        folder = Path(name)
        settings(cluster, [cluster.node, *others]).write(folder)
        programs = folder / "bin"
        programs.mkdir()
        for program in PROGRAMS:
            path = programs / program
            words = {"python": sys.executable, "root": str(ROOT), "folder": name, "name": program}
            path.write_text(SCRIPT.format(**words))
            path.chmod(0o755)
        known = cluster.environ
        yield LocalClusters(
            folder,
            {
                **known,
                "KUBECONFIG": str(folder / "kubeconfig"),
                "PATH": f"{programs}:{known['PATH']}",
            },
        )


def settings(cluster: Cluster, nodes: list[Node]) -> Settings:
    """What the stand-ins are told of the cluster."""
    certificate = cluster.kubeconfig.with_suffix(".crt")
    known = environ(cluster.parts.programs)
    needed = [f"{name}={known[name]}" for name in ("PATH", "LD_LIBRARY_PATH")]
    ctr = ["ctr", f"--address={node.CONTAINERD}", "--namespace=k8s.io"]
    return Settings(
        server=f"https://127.0.0.1:{addresses.API_PORT}",
        authority=str(cluster.identities.ca),
        certificate=str(certificate),
        key=str(certificate.with_suffix(".key")),
        kubectl=cluster.parts["kubectl"],
        address="127.0.0.1",
        ctr=[each.inside.command("env", *needed, *ctr) for each in nodes],
    )
