"""What pods and nodes use, for `kubectl top` and for the autoscaler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.testbed.cluster import addresses
from tests.testbed.cluster.cluster import Cluster
from tests.testbed.services import wait
from tests.testbed.stages import stage

API = "v1beta1.metrics.k8s.io"
META = {"name": "metrics-server", "namespace": "kube-system"}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": META,
    "spec": {"ports": [{"name": "https", "port": 443, "targetPort": addresses.METRICS_PORT}]},
}
SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {**META, "labels": {"kubernetes.io/service-name": META["name"]}},
    "addressType": "IPv4",
    "ports": [{"name": "https", "port": addresses.METRICS_PORT, "protocol": "TCP"}],
    "endpoints": [{"addresses": [addresses.NODE], "conditions": {"ready": True}}],
}
REGISTRATION = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": API},
    "spec": {
        "group": "metrics.k8s.io",
        "version": "v1beta1",
        "service": META,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
    },
}


@contextmanager
def metrics(cluster: Cluster) -> Iterator[None]:
    """While it lasts, the cluster measures; begins when it has figures."""
    kubeconfig = cluster.kubeconfig
    command = [
        cluster.parts["metrics-server"],
        f"--secure-port={addresses.METRICS_PORT}",
        f"--cert-dir={cluster.folder / 'metrics'}",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--kubelet-certificate-authority={cluster.identities.ca}",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    ]
    with cluster.service("metrics-server", command) as process:
        with stage("starting metrics-server"):
            cluster.apply(SERVICE, SLICE, REGISTRATION)
            wait(process, lambda: cluster.answers("get", "nodemetrics", addresses.NODE_NAME))
        try:
            yield
        finally:
            cluster.kubectl("delete", "apiservice", API)
