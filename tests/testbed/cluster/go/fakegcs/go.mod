// On libraries of its own, many of them: no program of a cluster.
module testbed/fakegcs

go 1.26

require github.com/fsouza/fake-gcs-server v1.56.1
