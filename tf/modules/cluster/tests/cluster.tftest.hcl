mock_provider "google" {
  source = "../../mocks/google"
}

variables {
  project_id           = "kennel"
  name                 = "dogs-test"
  location             = "europe-west1"
  labels               = { project = "dogs" }
  network              = "projects/kennel/global/networks/dogs-test"
  subnetwork           = "projects/kennel/regions/europe-west1/subnetworks/dogs-test"
  pods_range           = "pods"
  services_range       = "services"
  node_service_account = "nodes@kennel.iam.gserviceaccount.com"
}

run "standard" {
  assert {
    condition     = google_container_cluster.this.remove_default_node_pool && length(google_container_node_pool.this) == 1
    error_message = "Its nodes are not in a pool of their own."
  }
  assert {
    condition     = google_container_cluster.this.enable_shielded_nodes
    error_message = "Its nodes are not shielded."
  }
  assert {
    condition     = google_container_cluster.this.datapath_provider == "ADVANCED_DATAPATH"
    error_message = "Nobody would enforce network policies."
  }
  assert {
    condition     = google_container_cluster.this.release_channel[0].channel == "REGULAR"
    error_message = "It is in no release channel."
  }
  assert {
    condition     = output.workload_pool == "kennel.svc.id.goog"
    error_message = "It has no Workload Identity."
  }
  assert {
    condition     = google_container_cluster.this.deletion_protection
    error_message = "Anybody may delete it."
  }
}

run "nodes_have_few_rights" {
  assert {
    condition     = google_container_node_pool.this[0].node_config[0].service_account == var.node_service_account
    error_message = "Nodes run as the project's default account."
  }
  assert {
    condition     = google_container_node_pool.this[0].node_config[0].workload_metadata_config[0].mode == "GKE_METADATA"
    error_message = "Pods have the identity of their node."
  }
  assert {
    condition     = google_container_node_pool.this[0].node_config[0].shielded_instance_config[0].enable_secure_boot
    error_message = "Nodes start anything."
  }
}

run "labels_everywhere" {
  assert {
    condition     = google_container_cluster.this.resource_labels == tomap(var.labels)
    error_message = "The cluster has no labels."
  }
  assert {
    condition     = google_container_node_pool.this[0].node_config[0].resource_labels == tomap(var.labels)
    error_message = "The nodes have no labels."
  }
}

run "public_nodes_unless_asked" {
  command = plan
  assert {
    condition     = length(google_container_cluster.this.private_cluster_config) == 0
    error_message = "The nodes are private."
  }
}

run "private_nodes" {
  variables {
    private_nodes       = true
    authorized_networks = { office = "198.51.100.0/24" }
  }
  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_nodes
    error_message = "Nodes have public addresses."
  }
  assert {
    condition     = !google_container_cluster.this.private_cluster_config[0].enable_private_endpoint
    error_message = "The API is out of reach."
  }
  assert {
    condition = (
      one(google_container_cluster.this.master_authorized_networks_config[0].cidr_blocks).cidr_block == "198.51.100.0/24"
    )
    error_message = "The API is open to others."
  }
}

run "autopilot" {
  variables {
    autopilot = true
  }
  assert {
    condition     = google_container_cluster.this.enable_autopilot && length(google_container_node_pool.this) == 0
    error_message = "It has nodes of its own."
  }
  assert {
    condition = (
      google_container_cluster.this.cluster_autoscaling[0].auto_provisioning_defaults[0].service_account == var.node_service_account
    )
    error_message = "Google's nodes run as the project's default account."
  }
}

run "autopilot_is_regional" {
  command         = plan
  expect_failures = [var.autopilot]
  variables {
    autopilot = true
    location  = "europe-west1-b"
  }
}

run "one_node_in_one_zone" {
  variables {
    location = "europe-west1-b"
    nodes    = { min = 1, max = 1, spot = true, disk_size = null }
  }
  assert {
    condition = alltrue([
      google_container_node_pool.this[0].autoscaling[0].max_node_count == 1,
      google_container_node_pool.this[0].node_config[0].spot,
      google_container_node_pool.this[0].node_config[0].disk_size_gb == 50,
    ])
    error_message = "The nodes are not those that were asked for."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.name, var.release_channel, var.authorized_networks, var.nodes]
  variables {
    name                = "Dogs"
    release_channel     = "LATEST"
    authorized_networks = { office = "everywhere" }
    nodes               = { min = 3, max = 2, disk_size = 5 }
  }
}
