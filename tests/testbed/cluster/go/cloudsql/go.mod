// On libraries of its own, which are many, and later ones than those in ../tools.
module testbed/cloudsql

go 1.26

require github.com/GoogleCloudPlatform/cloud-sql-proxy/v2 v2.27.0
