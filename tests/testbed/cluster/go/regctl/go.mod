// On libraries of its own: no program of a cluster.
module testbed/regctl

go 1.26

require github.com/regclient/regclient v0.11.7
