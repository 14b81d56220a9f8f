"""The programs of a cluster, compiled from Go modules into the cache.

Each folder under go/ says in its go.mod which versions these are. What they leave open
follows from it, since Go selects the lowest versions that everybody agrees with, and checks what
it downloads against its public log of checksums.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed import cache
from tests.testbed.cluster.toolchain import environ, go, version
from tests.testbed.debian import MissingPackages
from tests.testbed.stages import stage

SOURCES = Path(__file__).parent / "go"
OPTIONS = ("-mod=mod", "-trimpath")


@dataclass(frozen=True)
class Build:
    """A program: the folder of its go.mod, its package, and the module it belongs to.

    `says` are variables that hold what it says of versions; {v} is that of its module, {0} and {1}
    are its numbers.
    """

    name: str
    source: str
    package: str
    module: str = ""
    says: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """What go.mod says of its module, `v1.34.4`; nothing for a program of our own."""
        text = (SOURCES / self.source / "go.mod").read_text()
        found = re.search(rf"^(?:require)?\s+{re.escape(self.module)} (v\S+)$", text, re.MULTILINE)
        return found[1] if found else ""

    @property
    def folder(self) -> str:
        """Its name in the cache, which changes when it has to be compiled anew."""
        sources = [path.read_bytes() for path in sorted((SOURCES / self.source).rglob("*.*"))]
        return f"{self.name}-{cache.key(version(), repr((self, OPTIONS)), *sources)}"

    @property
    def flags(self) -> str:
        """What the linker is told."""
        numbers = self.version.removeprefix("v").split(".")
        told = [
            f"-X {name}={value.format(*numbers, v=self.version)}"
            for name, value in self.says.items()
        ]
        return " ".join(["-s", "-w", *told])

    def program(self) -> Path:
        """The program, compiled if this is the first time. Raises MissingPackages."""
        return cache.once(self.folder, self.make) / self.name

    def make(self, into: Path) -> None:
        """Fill the folder."""
        build = [
            "build",
            *OPTIONS,
            f"-ldflags={self.flags}",
            "-o",
            str(into / self.name),
            self.package,
        ]
        with stage(f"compiling {self.name} {self.version}"), cache.scratch() as scratch:
            shutil.copytree(SOURCES / self.source, scratch, dirs_exist_ok=True)
            done = subprocess.run(
                ["nice", "-n", "15", go(), *build],
                cwd=scratch,
                env=environ(),
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise MissingPackages(f"{self.name} cannot be compiled: {done.stderr[-800:]}")
        (into / "versions").write_text(f"{self.name} {self.version} {version()}\n")


def kubernetes(name: str) -> Build:
    """A program of Kubernetes itself."""
    said = "k8s.io/component-base/version.git"
    return Build(
        name,
        "kubernetes",
        f"k8s.io/kubernetes/cmd/{name}",
        "k8s.io/kubernetes",
        {f"{said}Version": "{v}", f"{said}Major": "{0}", f"{said}Minor": "{1}"},
    )


HELM3 = "helm.sh/helm/v3"
HELM4 = "helm.sh/helm/v4"
CLOUD_SQL_PROXY = "github.com/GoogleCloudPlatform/cloud-sql-proxy/v2"
KUBECONFORM = "github.com/yannh/kubeconform"
BUILDS = (
    kubernetes("kube-apiserver"),
    kubernetes("kube-controller-manager"),
    kubernetes("kube-scheduler"),
    kubernetes("kubelet"),
    kubernetes("kube-proxy"),
    kubernetes("kubectl"),
    Build("pause", "tools", "./pause"),
    Build("etcd", "tools", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    Build("coredns", "tools", "./coredns", "github.com/coredns/coredns"),
    Build(
        "helm",
        "tools",
        f"{HELM3}/cmd/helm",
        HELM3,
        {
            f"{HELM3}/internal/version.version": "{v}",
            # That of its own libraries, for templates that no cluster is asked about.
            f"{HELM3}/pkg/chartutil.k8sVersionMinor": "36",
            f"{HELM3}/pkg/lint/rules.k8sVersionMinor": "36",
        },
    ),
    Build(
        "metrics-server",
        "tools",
        "sigs.k8s.io/metrics-server/cmd/metrics-server",
        "sigs.k8s.io/metrics-server",
    ),
    Build("kwok", "tools", "sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/kwok"),
    Build(
        "helm4",
        "tools",
        f"{HELM4}/cmd/helm",
        HELM4,
        {f"{HELM4}/internal/version.version": "{v}"},
    ),
    Build(
        "kubeconform",
        "kubeconform",
        f"{KUBECONFORM}/cmd/kubeconform",
        KUBECONFORM,
        {"main.version": "{v}"},
    ),
    Build("cloud-sql-proxy", "cloudsql", CLOUD_SQL_PROXY, CLOUD_SQL_PROXY),
)
