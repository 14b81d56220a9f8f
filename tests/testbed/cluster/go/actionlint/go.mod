// On libraries of its own: no program of a cluster.
module testbed/actionlint

go 1.26

require github.com/rhysd/actionlint v1.7.12
