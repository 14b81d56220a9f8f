// On libraries of its own: one of them would raise those of everything in ../tools.
module testbed/kubeconform

go 1.26

require github.com/yannh/kubeconform v0.8.0
