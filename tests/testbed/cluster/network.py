"""The network of a node, and the programs that change it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.testbed.cluster.cluster import Cluster
from tests.testbed.cluster.node import Node
from tests.testbed.namespaces import Namespaces
from tests.testbed.services import environ


@dataclass(frozen=True)
class Network:
    """A network of a node, and the programs that change it."""

    namespaces: Namespaces
    environ: dict[str, str]

    def ip(self, words: str) -> None:
        """Run `ip`. Raises CalledProcessError."""
        self.run("ip", *words.split())

    @contextmanager
    def rules(self, *rules: str) -> Iterator[None]:
        """While it lasts, the packet filter has these rules: a table, a chain, and the rest.

        Raises CalledProcessError.
        """
        self.change_rules("insert", rules)
        try:
            yield
        finally:
            self.change_rules("delete", rules)

    def change_rules(self, action: str, rules: tuple[str, ...]) -> None:
        """Insert or delete rules. Raises CalledProcessError."""
        for rule in rules:
            table, *words = rule.split()
            self.run("iptables", "--wait", f"--table={table}", f"--{action}", *words)

    def forward(self, interface: str) -> None:
        """Let packets through, also those between this interface and the loopback."""
        for name in ("ip_forward", f"conf/{interface}/route_localnet"):
            self.run("sh", "-c", f"echo 1 > /proc/sys/net/ipv4/{name}")

    def run(self, *words: str) -> str:
        """The output of a program in the network. Raises CalledProcessError."""
        with self.namespaces.network():
            done = subprocess.run(
                words, env=self.environ, stdout=subprocess.PIPE, text=True, check=True
            )
        return done.stdout


def network(cluster: Cluster, node: Node) -> Network:
    """The network of a node."""
    programs, iproute = cluster.parts.programs, cluster.parts.iproute
    known = environ(programs)
    libraries = [iproute.libraries["LD_LIBRARY_PATH"], known["LD_LIBRARY_PATH"]]
    path = f"{iproute.path}:{iproute.folder / 'sbin'}:{known['PATH']}"
    return Network(node.inside, {**known, "PATH": path, "LD_LIBRARY_PATH": ":".join(libraries)})
