# A VPC with one subnet: nodes in its own range, pods and services in ranges beside it.

resource "google_compute_network" "this" {
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "this" {
  name          = var.name
  network       = google_compute_network.this.id
  region        = var.region
  ip_cidr_range = var.ranges.nodes

  # Nodes without a public address still reach Google's APIs and registries.
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = var.ranges.pods
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = var.ranges.services
  }
}

# The way out for nodes without a public address: to Docker Hub, or to what the app asks.
resource "google_compute_router" "this" {
  count = var.nat ? 1 : 0

  name    = var.name
  network = google_compute_network.this.id
  region  = var.region
}

resource "google_compute_router_nat" "this" {
  count = var.nat ? 1 : 0

  name                               = var.name
  router                             = google_compute_router.this[0].name
  region                             = var.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

# Addresses in this VPC for services that Google runs, such as Cloud SQL.
resource "google_compute_global_address" "services" {
  count = var.private_services ? 1 : 0

  name          = "${var.name}-google-services"
  network       = google_compute_network.this.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  labels        = var.labels
}

resource "google_service_networking_connection" "this" {
  count = var.private_services ? 1 : 0

  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services[0].name]

  # Google keeps a deleted Cloud SQL instance for some days, and refuses to end the connection
  # meanwhile; so it stays, and a VPC of the same name finds it again:
  # https://github.com/hashicorp/terraform-provider-google/issues/16275
  deletion_policy         = "ABANDON"
  update_on_creation_fail = true
}
