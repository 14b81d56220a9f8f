"""kind: a cluster on this machine whose nodes are containers.

https://kind.sigs.k8s.io/docs/user/quick-start/
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dogctl.errors import ToolError
from dogctl.image import ImageRef
from dogctl.tools.runner import LOCAL, NOT_STARTED, Completed, Listener, Runner

KIND = "kind"
FAILED = "kind-failed"
INSTALL = "install kind: https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
RUNNING = "running"
LOOK_SECONDS = 30
LOAD_SECONDS = 600
START_SECONDS = 1200
READY_SECONDS = 120
# What runs the containers, if not Docker: podman or nerdctl, which have the same commands.
PROVIDER = "KIND_EXPERIMENTAL_PROVIDER"


@dataclass(frozen=True)
class Kind:
    """The cluster of one name. Every method raises ToolError."""

    name: str
    runner: Runner = field(default=LOCAL, repr=False)
    environ: Mapping[str, str] | None = field(default=None, repr=False)

    def nodes(self) -> tuple[str, ...] | None:
        """What each node's container does, such as `running`; None without a cluster."""
        names = self._names()
        if not names:
            return None
        done = self._engine("inspect", "--format={{.State.Status}}", *names)
        # An engine that does not know them has no news: the cluster's API has the last word.
        return tuple(done.stdout.decode().split()) if not done.code else (RUNNING,) * len(names)

    def start(
        self, nodes: int | None, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> None:
        """Start the nodes, or make a cluster with so many; the kubeconfig leads to it then."""
        if states := self.nodes():
            if set(states) != {RUNNING}:
                names = self._names()
                self._check(self._engine("start", *names, timeout=START_SECONDS, stop=stop))
            self._check(self._kind("export", "kubeconfig", self._own, stop=stop))
            return
        words = ["create", "cluster", self._own, f"--wait={READY_SECONDS}s"]
        stdin = b""
        if nodes and nodes > 1:
            words, stdin = [*words, "--config=-"], config(nodes)
        done = self._kind(*words, stdin=stdin, timeout=START_SECONDS, listen=listen, stop=stop)
        self._check(done)

    def holds(self, image: ImageRef) -> bool:
        """Whether every node has an image of this name."""
        asked = ("crictl", "inspecti", "--quiet", str(image))
        return all(not self._engine("exec", name, *asked).code for name in self._names())

    def load(
        self, image: ImageRef, listen: Listener | None = None, stop: threading.Event | None = None
    ) -> None:
        """Bring an image of the local engine to every node."""
        words = ("load", "docker-image", str(image), self._own)
        self._check(self._kind(*words, timeout=LOAD_SECONDS, listen=listen, stop=stop))

    def mapped(self, port: int) -> int | None:
        """The port of this machine that leads to a port of the nodes, if there is one.

        https://kind.sigs.k8s.io/docs/user/configuration/#extra-port-mappings
        """
        for name in self._names():
            done = self._engine("port", name, f"{port}/tcp")
            lines = done.stdout.decode(errors="replace").split()
            if not done.code and lines:
                return int(lines[0].rpartition(":")[2])
        return None

    @property
    def _own(self) -> str:
        return f"--name={self.name}"

    def _names(self) -> list[str]:
        """The nodes; that there are none, kind says beside its answer."""
        done = self._check(self._kind("get", "nodes", self._own))
        names = done.stdout.decode(errors="replace").split("\n")
        return sorted(name.strip() for name in names if name and " " not in name.strip())

    def _kind(
        self,
        *words: str,
        stdin: bytes = b"",
        timeout: float = LOOK_SECONDS,
        listen: Listener | None = None,
        stop: threading.Event | None = None,
    ) -> Completed:
        try:
            return self.runner.run(
                [KIND, *words],
                env=self.environ,
                stdin=stdin,
                timeout=timeout,
                listen=listen,
                stop=stop,
            )
        except ToolError as error:
            if error.code == NOT_STARTED:
                error.hint = INSTALL
            raise

    def _engine(
        self, *words: str, timeout: float = LOOK_SECONDS, stop: threading.Event | None = None
    ) -> Completed:
        engine = (self.environ or {}).get(PROVIDER) or "docker"
        return self.runner.run([engine, *words], env=self.environ, timeout=timeout, stop=stop)

    def _check(self, done: Completed) -> Completed:
        if not done.code:
            return done
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        first = next((line for line in lines if line.startswith("ERROR")), (lines or [""])[-1])
        raise ToolError(
            f"{done.argv[0]}: {first.removeprefix('ERROR: ') or f'exit code {done.code}'}",
            code=FAILED,
            where=f"kind cluster {self.name}",
            hint=f"kind export logs {self._own} tells more",
            detail=tuple(lines[-10:]),
        )


def config(nodes: int) -> bytes:
    """A cluster of so many nodes; JSON is YAML too."""
    roles: Sequence[str] = ("control-plane", *["worker"] * (nodes - 1))
    return json.dumps(
        {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "nodes": [{"role": role} for role in roles],
        }
    ).encode()
