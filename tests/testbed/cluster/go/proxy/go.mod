// On libraries of its own, as many as they are.
module testbed/proxy

go 1.26.4

require github.com/GoogleCloudPlatform/cloud-sql-proxy/v2 v2.27.0
