"""The node: container runtime, kubelet and kube-proxy, with the files that tell them what to do.

They run in a mount namespace where /var is a folder of the run, so what they keep at their usual
places stays off this machine.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.testbed.cluster import addresses, pause
from tests.testbed.cluster.identities import Identities
from tests.testbed.cluster.parts import Parts

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
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "PLUGINS"
    conf_dir = "NETWORKS"
"""
# Each pod at the end of a cable of its own: all its packets pass the node's packet filter, where
# services are made, which those over a bridge do only with a kernel module. `firewall` lets them
# through where the Docker engine would not.
NETWORK = {
    "cniVersion": "1.0.0",
    "name": "pods",
    "plugins": [
        {
            "type": "ptp",
            "ipMasq": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": addresses.NODE_PODS}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
        {"type": "firewall"},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
# What the kubelet would set, and find set: these hold for the whole machine.
TUNABLES = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}


def containerd(parts: Parts, settings: Path) -> list[str]:
    """A container runtime beside that of the Docker engine; it takes 127.0.0.1 without TLS."""
    networks = settings / "networks"
    networks.mkdir()
    (networks / "pods.conflist").write_text(json.dumps(NETWORK))
    content = CONTAINERD_SETTINGS.replace("PLUGINS", str(parts.plugins))
    path = settings / "containerd.toml"
    path.write_text(content.replace("NETWORKS", str(networks)))
    return ["containerd", f"--config={path}", "--log-level=warn"]


def kubelet(parts: Parts, settings: Path, identities: Identities, cgroup: str) -> list[str]:
    """The kubelet, whose pods are in a control group of that name."""
    name = f"system:node:{addresses.NODE_NAME}"
    kubeconfig = identities.kubeconfig(name, group="system:nodes")
    server = identities.certificate("kubelet", addresses.NODE_NAME, addresses.NODE, "127.0.0.1")
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
        "cgroupRoot": f"/{cgroup}",
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
    path = settings / "kubelet.json"
    path.write_text(json.dumps(config))
    return [
        parts["kubelet"],
        f"--config={path}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={addresses.NODE_NAME}",
        f"--node-ip={addresses.NODE}",
    ]


def proxy(parts: Parts, settings: Path, identities: Identities) -> list[str]:
    """kube-proxy, which leaves alone what holds for the whole machine."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(identities.kubeconfig("system:kube-proxy"))},
        "hostnameOverride": addresses.NODE_NAME,
        "clusterCIDR": addresses.PODS,
        "mode": "iptables",
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0},
        # A change of endpoints is in the packet filter at once.
        "iptables": {"minSyncPeriod": "0s"},
    }
    path = settings / "kube-proxy.json"
    path.write_text(json.dumps(config))
    return [parts["kube-proxy"], f"--config={path}"]
