"""The command lines of what decides: etcd, the API server, the controllers, the scheduler."""

from __future__ import annotations

import json
from pathlib import Path

from tests.testbed.cluster import addresses
from tests.testbed.cluster.identities import Identities
from tests.testbed.cluster.parts import Parts

ETCD = f"http://127.0.0.1:{addresses.ETCD_PORT}"
# Clients hold themselves back to 20 requests a second, at the start for seconds.
UNLIMITED = ("--kube-api-qps=1000", "--kube-api-burst=1000")
SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "127.0.0.1",
    addresses.API_SERVICE,
    addresses.NODE,
)


def etcd(parts: Parts) -> list[str]:
    """A store that does not care whether its data outlives this machine."""
    return [
        parts["etcd"],
        "--data-dir=/var/lib/etcd",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls=http://127.0.0.1:{addresses.ETCD_PORT + 1}",
        "--unsafe-no-fsync",
        # Nobody stands against it, so there is nothing to wait for.
        "--heartbeat-interval=20",
        "--election-timeout=100",
        "--log-level=warn",
    ]


def apiserver(parts: Parts, identities: Identities) -> list[str]:
    """The API server, with the usual authorization and an aggregation layer for metrics."""
    server = identities.certificate("kube-apiserver", *SERVER_NAMES)
    kubelet = identities.certificate("kubelet-client", group="system:masters")
    front = identities.certificate("front-proxy-client")
    tokens = identities.certificate("service-accounts").with_suffix(".key")
    return [
        parts["kube-apiserver"],
        f"--etcd-servers={ETCD}",
        f"--secure-port={addresses.API_PORT}",
        f"--advertise-address={addresses.NODE}",
        f"--service-cluster-ip-range={addresses.SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--client-ca-file={identities.ca}",
        f"--tls-cert-file={server}",
        f"--tls-private-key-file={server.with_suffix('.key')}",
        f"--service-account-key-file={tokens}",
        f"--service-account-signing-key-file={tokens}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--authentication-token-webhook-config-file={people(identities)}",
        "--authentication-token-webhook-version=v1",
        "--authentication-token-webhook-cache-ttl=0s",
        f"--kubelet-certificate-authority={identities.ca}",
        f"--kubelet-client-certificate={kubelet}",
        f"--kubelet-client-key={kubelet.with_suffix('.key')}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={identities.ca}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={front}",
        f"--proxy-client-key-file={front.with_suffix('.key')}",
    ]


def people(identities: Identities) -> Path:
    """Who is asked about a token that is not of the cluster itself, in the form of a kubeconfig."""
    server = {"server": f"http://127.0.0.1:{addresses.TOKENS_PORT}/tokenreview"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "people", "cluster": server}],
        "users": [{"name": "apiserver"}],
        "contexts": [{"name": "people", "context": {"cluster": "people", "user": "apiserver"}}],
        "current-context": "people",
    }
    path = identities.folder / "people.json"
    path.write_text(json.dumps(config))
    return path


def controller_manager(parts: Parts, identities: Identities) -> list[str]:
    """All controllers, each with its own account and rights."""
    tokens = identities.folder / "service-accounts.key"
    return [
        parts["kube-controller-manager"],
        f"--kubeconfig={identities.kubeconfig('system:kube-controller-manager')}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={tokens}",
        f"--root-ca-file={identities.ca}",
        f"--cluster-signing-cert-file={identities.ca}",
        f"--cluster-signing-key-file={identities.ca.with_suffix('.key')}",
        "--allocate-node-cidrs",
        f"--cluster-cidr={addresses.PODS}",
        "--flex-volume-plugin-dir=/var/lib/kubelet/volumeplugins",
        # Seconds instead of minutes, for tests of the autoscaler.
        "--horizontal-pod-autoscaler-sync-period=3s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=20s",
        "--leader-elect=false",
        *UNLIMITED,
    ]


def scheduler(parts: Parts, identities: Identities) -> list[str]:
    """The scheduler with its default profile."""
    return [
        parts["kube-scheduler"],
        f"--kubeconfig={identities.kubeconfig('system:kube-scheduler')}",
        "--leader-elect=false",
        *UNLIMITED,
    ]
