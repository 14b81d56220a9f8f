"""A node: container runtime, kubelet and kube-proxy, with the files that tell them what to do.

They run in a mount namespace where /var is a folder of the run, so what they keep at their usual
places stays off this machine.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed.cluster import addresses, pause
from tests.testbed.cluster.identities import Identities
from tests.testbed.cluster.parts import Parts
from tests.testbed.namespaces import Namespaces
from tests.testbed.services import environ

CONTAINERD = "/var/containerd/containerd.sock"
# restrict_oom_score_adj: in many sandboxes not even root may protect a process from the kernel.
CONTAINERD_SETTINGS = f"""
version = 2
root = "/var/lib/containerd"
state = "/var/containerd"
[grpc]
  address = "{CONTAINERD}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause.NAME}"
  restrict_oom_score_adj = true
  stream_server_port = "{addresses.STREAM_PORT}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "PLUGINS"
    conf_dir = "NETWORKS"
"""
# Each pod at the end of a cable of its own: all its packets pass the node's packet filter, where
# services are made, which those over a bridge do only with a kernel module. `firewall` lets them
# through where the Docker engine would not.
PLUGINS: tuple[dict[str, Any], ...] = (
    {"type": "ptp", "ipMasq": True},
    {"type": "firewall"},
    {"type": "portmap", "capabilities": {"portMappings": True}},
)
# What the kubelet would set, and find set: these hold for the whole machine.
TUNABLES = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}


@dataclass(frozen=True)
class Node:
    """Where a node is: its address, its namespaces, the identities and settings of its programs.

    `group` is the name of the control group of its pods.
    """

    name: str
    address: str
    inside: Namespaces
    identities: Identities
    group: str

    @property
    def settings(self) -> Path:
        """The folder of all settings."""
        return self.identities.folder

    @property
    def networks(self) -> Path:
        """The folder of the networks of pods; the node is not ready before there is one."""
        return self.settings / "networks"


def connect(node: Node, pods: str) -> None:
    """Give the pods of the node addresses of this range."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    cable, *others = PLUGINS
    network = {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [{**cable, "ipam": ipam}, *others],
    }
    (node.networks / "pods.conflist").write_text(json.dumps(network))


def containerd(parts: Parts, node: Node) -> list[str]:
    """A container runtime beside that of the Docker engine; it takes 127.0.0.1 without TLS."""
    node.networks.mkdir(exist_ok=True)
    content = CONTAINERD_SETTINGS.replace("PLUGINS", str(parts.plugins))
    path = node.settings / "containerd.toml"
    path.write_text(content.replace("NETWORKS", str(node.networks)))
    return ["containerd", f"--config={path}", "--log-level=warn"]


def pause_is_imported(parts: Parts, node: Node) -> bool:
    """Whether the container runtime took the one image that it needs itself."""
    image = node.settings / "pause.tar"
    pause.write(parts.built["pause"], image)
    return imports(parts, node, image).returncode == 0


def imports(parts: Parts, node: Node, image: Path) -> subprocess.CompletedProcess[str]:
    """Have the container runtime take the images of an archive of `docker save`."""
    return ctr(parts, node, "images", "import", str(image))


def forget(parts: Parts, node: Node) -> None:
    """Have the container runtime lose all images of pods: what starts from now on is pulled."""
    known = ctr(parts, node, "images", "list", "--quiet").stdout.split()
    names = [name for name in known if name != pause.NAME]
    ctr(parts, node, "images", "remove", "--sync", *names).check_returncode()


def ctr(parts: Parts, node: Node, *words: str) -> subprocess.CompletedProcess[str]:
    """Run containerd's own client."""
    command = ("ctr", f"--address={CONTAINERD}", "--namespace=k8s.io", *words)
    return subprocess.run(
        node.inside.command(*command),
        env=environ(parts.programs),
        capture_output=True,
        text=True,
        check=False,
    )


def kubelet(parts: Parts, node: Node) -> list[str]:
    """The kubelet."""
    identities = node.identities
    kubeconfig = identities.kubeconfig(f"system:node:{node.name}", group="system:nodes")
    server = identities.certificate("kubelet", node.name, node.address, "127.0.0.1")
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(identities.ca)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(server),
        "tlsPrivateKeyFile": str(server.with_suffix(".key")),
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.group}",
        "oomScoreAdj": 0,
        "failSwapOn": False,
        "clusterDNS": [addresses.DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "volumePluginDir": "/var/lib/kubelet/volumeplugins",
        "serializeImagePulls": False,
        # A full disk is the machine's business.
        "evictionHard": {f"{what}.available": "0%" for what in ("nodefs", "imagefs")},
        "imageGCHighThresholdPercent": 100,
    }
    path = node.settings / "kubelet.json"
    path.write_text(json.dumps(config))
    return [
        parts["kubelet"],
        f"--config={path}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
    ]


def proxy(parts: Parts, node: Node) -> list[str]:
    """kube-proxy, which leaves alone what holds for the whole machine."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(node.identities.kubeconfig("system:kube-proxy"))},
        "hostnameOverride": node.name,
        "clusterCIDR": addresses.PODS,
        "mode": "iptables",
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0},
        # A change of endpoints is in the packet filter at once.
        "iptables": {"minSyncPeriod": "0s"},
    }
    path = node.settings / "kube-proxy.json"
    path.write_text(json.dumps(config))
    return [parts["kube-proxy"], f"--config={path}"]
