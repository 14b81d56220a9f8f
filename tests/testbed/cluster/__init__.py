"""A real Kubernetes for tests, inside the namespaces of the test bed's own Docker engine.

Its programs are compiled from Go modules, once; node and pods use the container runtime and the
network plugins of Debian. `tests.testbed.cluster.cluster` starts it.
"""
