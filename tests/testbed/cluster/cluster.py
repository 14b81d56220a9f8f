"""A cluster of one node that runs real pods, started in seconds in the namespaces of an engine.

Pods pull what the engine pushed to its registry, under the same name. Node ports are on
127.0.0.1 of the namespaces, services of the type LoadBalancer on addresses of their own there;
`Cluster.network()` leads to them. Claims get volumes. NetworkPolicies are accepted and not
enforced.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.testbed.cluster import addresses, control_plane, node, pause
from tests.testbed.cluster.builds import BUILDS, program
from tests.testbed.cluster.identities import Identities
from tests.testbed.cluster.inside import cgroup, inside
from tests.testbed.cluster.plugins import plugins
from tests.testbed.debian import MissingPackages
from tests.testbed.engine import Engine
from tests.testbed.namespaces import Namespaces
from tests.testbed.programs import programs
from tests.testbed.services import answers, environ, service, wait
from tests.testbed.stages import stage

MANIFESTS = Path(__file__).parent / "manifests"
CORE_FILE = f"""
.:{addresses.DNS_PORT} {{
    bind {addresses.NODE}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig KUBECONFIG
        pods insecure
    }}
    forward . /etc/resolv.conf
    cache 5
}}
"""
TIMEOUT = "--timeout=90s"
NO_CLUSTER = "a Kubernetes cluster needs the private Docker engine of the test bed: root on Debian"


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    `kubeconfig` is that of an administrator. `folder` has what belongs to the cluster, its logs
    in `log`.
    """

    engine: Engine
    folder: Path
    identities: Identities
    inside: Namespaces

    @property
    def kubeconfig(self) -> Path:
        """A file with everything in it, for use in the network of the cluster."""
        return self.folder / "etc/admin.kubeconfig"

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process needs to use the cluster and its engine; kubectl and helm among it."""
        tools = [str(program(name).parent) for name in ("kubectl", "helm")]
        return {
            **self.engine.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.folder / "kubectl"),
            "PATH": ":".join([*tools, self.engine.environ["PATH"]]),
        }

    def network(self) -> AbstractContextManager[None]:
        """While it lasts, 127.0.0.1 of this thread and of what it starts is the cluster's."""
        return self.engine.network()

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
        return self.run(str(program("kubectl")), *words, stdin=stdin)

    @contextmanager
    def service(self, name: str, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
        """A program that runs in the cluster's namespaces; what it says is in the logs."""
        log = self.folder / f"log/{name}.log"
        with service(self.inside, command, log, programs()) as process:
            yield process


@contextmanager
def cluster(engine: Engine) -> Iterator[Cluster]:
    """A cluster beside this engine, of which nothing is left at the end.

    An engine has one cluster at a time. Raises MissingPackages where there can be none.
    """
    if engine.namespaces is None or engine.run is None:
        raise MissingPackages(NO_CLUSTER)
    prepare()
    with ExitStack() as stack:
        with stage("starting a Kubernetes cluster"):
            folder = stack.enter_context(fresh(engine.run.folder / "cluster"))
            group = stack.enter_context(cgroup(f"{engine.run.cgroup}/cluster"))
            own = stack.enter_context(inside(engine.namespaces, folder, programs()))
            identities = Identities(folder / "etc")
            identities.kubeconfig("admin", group="system:masters")
            found = Cluster(engine, folder, identities, own)
            start(found, group, stack)
        yield found


def start(cluster: Cluster, group: str, stack: ExitStack) -> None:
    """Start all programs, in the order in which they need each other, and wait for the node."""
    settings, identities = cluster.folder / "etc", cluster.identities

    def run(name: str, command: list[str], ready: Callable[[], bool] = lambda: True) -> None:
        process = stack.enter_context(cluster.service(name, command))
        with cluster.network():
            wait(process, ready)

    etcd = ("127.0.0.1", addresses.ETCD_PORT)
    run("containerd", node.containerd(settings))
    run("etcd", control_plane.etcd(), lambda: answers("/health", socket.AF_INET, etcd))
    run("kube-apiserver", control_plane.apiserver(identities), lambda: api_is_ready(identities))
    run("kube-controller-manager", control_plane.controller_manager(identities))
    run("kube-scheduler", control_plane.scheduler(identities))
    import_pause(cluster)
    run("kubelet", node.kubelet(settings, identities, group))
    run("kube-proxy", node.proxy(settings, identities))
    run("coredns", coredns(settings, cluster.kubeconfig))
    run("cloud", cloud(cluster))
    cluster.kubectl("apply", "--server-side", f"--filename={MANIFESTS}")
    for what in ("node/node-1", "serviceaccount/default"):
        cluster.kubectl("wait", "--for=create", what, TIMEOUT)
    cluster.kubectl("wait", "--for=condition=Ready", "node/node-1", TIMEOUT)


def api_is_ready(identities: Identities) -> bool:
    """Whether the API server serves, which it tells everybody."""
    url = f"https://127.0.0.1:{addresses.API_PORT}/readyz"
    try:
        return requests.get(url, verify=str(identities.ca), timeout=10).ok
    except requests.RequestException:
        return False


def import_pause(cluster: Cluster) -> None:
    """Give the container runtime the one image that it needs itself."""
    image = cluster.folder / "pause.tar"
    pause.write(image)
    ctr = ["ctr", f"--address={node.CONTAINERD}", "--namespace=k8s.io"]
    subprocess.run(
        cluster.inside.command(*ctr, "images", "import", str(image)),
        env=environ(programs()),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def coredns(settings: Path, kubeconfig: Path) -> list[str]:
    """The name server of the pods."""
    path = settings / "Corefile"
    path.write_text(CORE_FILE.replace("KUBECONFIG", str(kubeconfig)))
    return [str(program("coredns")), f"-conf={path}"]


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


def prepare() -> None:
    """Compile and download what a cluster is made of, unless it is there.

    Raises MissingPackages.
    """
    plugins()
    for build in BUILDS:
        build.program()
