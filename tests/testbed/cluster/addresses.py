"""The addresses of a cluster. Its namespaces are its own, so they are always the same."""

from __future__ import annotations

NODE = "10.0.2.100"  # what slirp4netns gives its namespace, by its manual
NODE_NAME = "node-1"
API_PORT = 6443
ETCD_PORT = 2379
DNS_PORT = 1053
DNS_READY_PORT = 8181
# A node's own ports on its loopback, with those that kubelet and kube-proxy have by themselves.
NODE_PORTS = "10240:10260"
PROXY_READY_PORT = 10256
STREAM_PORT = 10260
TOKENS_PORT = 10300  # what knows the tokens of people, where a test has it
METRICS_PORT = 4443

# The second node, and the first as the second sees it.
SECOND = "10.0.3.2"
SECOND_NAME = "node-2"
SECOND_GATEWAY = "10.0.3.1"

PODS = "10.244.0.0/16"
NODE_PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
# Services of the type LoadBalancer are on loopback addresses, where only the namespaces see them.
BALANCERS = "127.1.0.0/24"
