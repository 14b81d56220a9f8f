mock_provider "google" {
  source = "../../mocks/google"
}

variables {
  name   = "dogs-test"
  region = "europe-west1"
  labels = { project = "dogs" }
}

run "one_subnet_with_ranges_for_pods_and_services" {
  assert {
    condition     = !google_compute_network.this.auto_create_subnetworks
    error_message = "The VPC has subnets in every region."
  }
  assert {
    condition     = google_compute_subnetwork.this.private_ip_google_access
    error_message = "Private nodes would not reach Google's registries."
  }
  assert {
    condition     = [output.pods_range, output.services_range] == ["pods", "services"]
    error_message = "Got ${output.pods_range} and ${output.services_range}."
  }
}

run "nothing_that_costs_unless_asked" {
  assert {
    condition     = length(google_compute_router_nat.this) + length(google_service_networking_connection.this) == 0
    error_message = "There is a NAT or a connection to Google's services."
  }
  assert {
    condition     = output.private_services_network == null
    error_message = "A network without the connection seems to have it."
  }
}

run "a_way_out_for_private_nodes" {
  variables {
    nat = true
  }
  assert {
    condition     = google_compute_router_nat.this[0].source_subnetwork_ip_ranges_to_nat == "ALL_SUBNETWORKS_ALL_IP_RANGES"
    error_message = "Pods have no way out."
  }
}

run "addresses_for_cloud_sql" {
  variables {
    private_services = true
  }
  assert {
    condition     = google_compute_global_address.services[0].purpose == "VPC_PEERING"
    error_message = "The range is not for a peering."
  }
  assert {
    condition     = google_compute_global_address.services[0].labels == tomap({ project = "dogs" })
    error_message = "The range has no labels."
  }
  assert {
    condition     = google_service_networking_connection.this[0].deletion_policy == "ABANDON"
    error_message = "A destroy would fail while Google keeps the deleted instance."
  }
  assert {
    condition     = output.private_services_network == google_compute_network.this.id
    error_message = "Got ${output.private_services_network}."
  }
}

run "own_ranges" {
  variables {
    ranges = { nodes = "10.0.0.0/22", pods = null }
  }
  assert {
    condition     = google_compute_subnetwork.this.ip_cidr_range == "10.0.0.0/22"
    error_message = "Got ${google_compute_subnetwork.this.ip_cidr_range}."
  }
  assert {
    condition     = google_compute_subnetwork.this.secondary_ip_range[0].ip_cidr_range == "10.20.0.0/16"
    error_message = "What was not given is not the default."
  }
}

run "ranges_are_blocks" {
  command         = plan
  expect_failures = [var.ranges]
  variables {
    ranges = { pods = "10.20.0.0" }
  }
}
