"""Stand-ins for the programs that run a cluster on a developer's machine: minikube and kind.

Neither runs where the tests do. These are executables that answer as theirs do, and whatever
they are told to start is the test bed's own cluster. `tests.testbed.clusters.local` has them.
"""
