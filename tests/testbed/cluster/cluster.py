"""A cluster of real pods, started in seconds in the namespaces of an engine.

It has one node; `tests.testbed.cluster.second` adds a second. Pods pull what the engine pushed to
its registry, under the same name. Node ports are on 127.0.0.1 of the namespaces, services of the
type LoadBalancer on addresses of their own there; `Cluster.network()` leads to them. Claims get
volumes on the node of their first pod. NetworkPolicies are accepted and not enforced.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.testbed.cluster import addresses, control_plane, node, watches
from tests.testbed.cluster.identities import Identities
from tests.testbed.cluster.inside import cgroup, inside
from tests.testbed.cluster.node import Node
from tests.testbed.cluster.parts import Parts, parts
from tests.testbed.debian import MissingPackages
from tests.testbed.engine import Engine
from tests.testbed.services import answers, service, wait
from tests.testbed.stages import stage

MANIFESTS = Path(__file__).parent / "manifests"
CORE_FILE = f"""
.:{addresses.DNS_PORT} {{
    errors
    ready 127.0.0.1:{addresses.DNS_READY_PORT}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig KUBECONFIG
        pods insecure
    }}
    forward . /etc/resolv.conf
    cache 5
}}
"""
NO_CLUSTER = "a Kubernetes cluster needs the private Docker engine of the test bed: root on Debian"
HIDDEN = "a Kubernetes cluster has a /var of its own, which would hide what it needs: "


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    `kubeconfig` is that of an administrator. `folder` has what belongs to the cluster, its logs
    in `log`.
    """

    engine: Engine
    parts: Parts
    folder: Path
    identities: Identities
    node: Node

    @property
    def kubeconfig(self) -> Path:
        """A file with everything in it, for use in the network of the cluster."""
        return self.folder / "etc/admin.kubeconfig"

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process needs to use the cluster and its engine; kubectl and helm among it."""
        tools = [str(self.parts.built[name].parent) for name in ("kubectl", "helm")]
        return {
            **self.engine.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.folder / "kubectl"),
            "PATH": ":".join([*tools, self.engine.environ["PATH"]]),
        }

    def network(self) -> AbstractContextManager[None]:
        """While it lasts, 127.0.0.1 of this thread and of what it starts is the cluster's."""
        return self.engine.network()

    def command(self, *words: str) -> list[str]:
        """The command line that runs a command in the network of the cluster.

        It dies with the engine, and is to be given `environ` like any other.
        """
        return self.engine.command(*words)

    def run(self, *words: str, stdin: str = "") -> str:
        """The output of a command in the network of the cluster.

        Raises RuntimeError with what it complained of.
        """
        with self.network():
            done = subprocess.run(
                words, env=self.environ, input=stdin, capture_output=True, text=True, check=False
            )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")
        return done.stdout

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """The output of kubectl. Raises RuntimeError."""
        return self.run("kubectl", *words, stdin=stdin)

    def answers(self, *words: str) -> bool:
        """Whether kubectl succeeds."""
        try:
            self.kubectl(*words)
        except RuntimeError:
            return False
        return True

    def holds(self, what: str, *things: str, seconds: int = 5) -> bool:
        """Whether things come to be in a condition (`condition=Ready`, `create`) within seconds."""
        return self.answers("wait", f"--for={what}", f"--timeout={seconds}s", *things)

    def apply(self, *things: Mapping[str, Any]) -> None:
        """Create these objects, or bring them up to date. Raises RuntimeError."""
        everything = {"apiVersion": "v1", "kind": "List", "items": things}
        self.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(everything))

    @contextmanager
    def service(
        self, name: str, command: list[str], node: Node | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A program that runs on a node, usually the first; what it says is in the logs."""
        log = self.folder / f"log/{name}.log"
        inside = (node or self.node).inside
        with service(inside, command, log, self.parts.programs) as process:
            yield process


@contextmanager
def cluster(engine: Engine) -> Iterator[Cluster]:
    """A cluster beside this engine, of which nothing is left at the end.

    An engine has one cluster at a time. Raises MissingPackages where there can be none.
    """
    if engine.namespaces is None or engine.run is None:
        raise MissingPackages(NO_CLUSTER)
    needed = (engine.run.folder, MANIFESTS, Path(sys.prefix), Path(sys.base_prefix))
    if hidden := [str(path) for path in needed if path.resolve().is_relative_to("/var")]:
        raise MissingPackages(HIDDEN + ", ".join(hidden))
    made = parts()
    watches.wait_for_room(watches.CLUSTER)
    with ExitStack() as stack:
        with stage("starting a Kubernetes cluster"):
            folder = stack.enter_context(fresh(engine.run.folder / "cluster"))
            group = stack.enter_context(cgroup(f"{engine.run.cgroup}/cluster"))
            own = stack.enter_context(inside(engine.namespaces, folder, made.programs))
            identities = Identities(folder / "etc")
            identities.kubeconfig("admin", group="system:masters")
            first = Node(addresses.NODE_NAME, addresses.NODE, own, identities, group)
            found = Cluster(engine, made, folder, identities, first)
            start(found, stack)
        yield found


def start(cluster: Cluster, stack: ExitStack) -> None:
    """Start all programs, those together that do not need each other, and wait for the node."""
    made, identities, first = cluster.parts, cluster.identities, cluster.node

    def run(name: str, command: list[str]) -> subprocess.Popen[bytes]:
        return stack.enter_context(cluster.service(name, command))

    containerd = run("containerd", node.containerd(made, first))
    node.connect(first, addresses.NODE_PODS)
    etcd = run("etcd", control_plane.etcd(made))
    wait(etcd, lambda: serves(first, addresses.ETCD_PORT, "/health"))
    apiserver = run("kube-apiserver", control_plane.apiserver(made, identities))
    wait(containerd, lambda: node.pause_is_imported(made, first))
    wait(apiserver, lambda: api_is_ready(cluster))
    controllers = run("kube-controller-manager", control_plane.controller_manager(made, identities))
    run("kube-scheduler", control_plane.scheduler(made, identities))
    kubelet = run("kubelet", node.kubelet(made, first))
    proxy = run("kube-proxy", node.proxy(made, first))
    dns = run("coredns", coredns(cluster))
    run("cloud", cloud(cluster))
    cluster.kubectl("apply", "--server-side", f"--filename={MANIFESTS}")
    wait(dns, lambda: serves(first, addresses.DNS_READY_PORT, "/ready"))
    wait(proxy, lambda: serves(first, addresses.PROXY_READY_PORT, "/healthz"))
    # Without its account there is no pod in a namespace.
    wait(controllers, lambda: cluster.holds("create", "serviceaccount/default"))
    wait(kubelet, lambda: cluster.holds("condition=Ready", f"node/{addresses.NODE_NAME}"))


def serves(node: Node, port: int, path: str) -> bool:
    """Whether a program of the node answers a request."""
    with node.inside.network():
        return answers(path, socket.AF_INET, ("127.0.0.1", port))


def api_is_ready(cluster: Cluster) -> bool:
    """Whether the API server serves, which it tells everybody."""
    url = f"https://127.0.0.1:{addresses.API_PORT}/readyz"
    try:
        with cluster.network():
            return requests.get(url, verify=str(cluster.identities.ca), timeout=10).ok
    except requests.RequestException:
        return False


def coredns(cluster: Cluster) -> list[str]:
    """The name server of the pods."""
    path = cluster.folder / "etc/Corefile"
    path.write_text(CORE_FILE.replace("KUBECONFIG", str(cluster.kubeconfig)))
    return [cluster.parts["coredns"], f"-conf={path}"]


def cloud(cluster: Cluster) -> list[str]:
    """What gives addresses and volumes."""
    volumes = cluster.folder / "volumes"
    volumes.mkdir()
    certificate = cluster.kubeconfig.with_suffix(".crt")
    words = [str(certificate), str(cluster.identities.ca), str(volumes)]
    return [sys.executable, "-m", "tests.testbed.cluster.cloud", *words]


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """An empty folder with room for settings and logs, removed at the end."""
    for name in ("etc", "log"):
        (folder / name).mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
