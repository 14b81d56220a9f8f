# One small cluster to try things on, of which nothing is missed. In a zone (region = "europe-west1-b")
# it is cheapest.

deletion_protection = false
private_nodes       = false

nodes = {
  machine_type = "e2-medium"
  spot         = true
  min          = 1
  max          = 2
}
