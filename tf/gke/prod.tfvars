# For everybody: nothing is lost, and little is open.

deletion_protection = true
private_nodes       = true
release_channel     = "STABLE"

nodes = {
  machine_type = "e2-standard-2"
  min          = 1
  max          = 3
}

database = {
  engine            = "postgresql"
  high_availability = true
  retained_backups  = 30
}

secrets = ["DB_SECRET", "SECRET_KEYS"]
charts  = {}
dns     = {}
