// What a cluster needs besides Kubernetes itself, on one set of libraries: k8s.io/client-go and
// all below it are compiled once.
module testbed/tools

go 1.26.4

require (
	github.com/coredns/coredns v1.14.7
	go.etcd.io/etcd/server/v3 v3.6.16
	helm.sh/helm/v3 v3.21.4
	helm.sh/helm/v4 v4.2.4
	sigs.k8s.io/kwok v0.8.0
	sigs.k8s.io/metrics-server v0.9.0
)
