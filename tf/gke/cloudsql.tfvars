# As in helloworldflask: Autopilot, PostgreSQL in Cloud SQL, and a service account with the key that
# the Auth Proxy logs in with. The key is in the state; without `key` the proxy logs in by Workload
# Identity, and there is none.

cluster             = "hello-world-cluster"
autopilot           = true
deletion_protection = false

database = {
  engine = "postgresql"
  tier   = "db-g1-small"
}

service_account = {
  name = "sql-access"
  key  = true
}
