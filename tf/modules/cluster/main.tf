# A GKE cluster, and its nodes unless Google brings them (Autopilot).

resource "google_container_cluster" "this" {
  name            = var.name
  location        = var.location
  network         = var.network
  subnetwork      = var.subnetwork
  resource_labels = var.labels

  deletion_protection = var.deletion_protection

  # Autopilot decides these itself, and the provider refuses them there.
  enable_autopilot         = var.autopilot ? true : null
  enable_shielded_nodes    = var.autopilot ? null : true
  datapath_provider        = var.autopilot ? null : "ADVANCED_DATAPATH"
  remove_default_node_pool = var.autopilot ? null : true
  initial_node_count       = var.autopilot ? null : 1

  release_channel {
    channel = var.release_channel
  }

  ip_allocation_policy {
    cluster_secondary_range_name  = var.pods_range
    services_secondary_range_name = var.services_range
  }

  workload_identity_config {
    workload_pool = "${var.project_id}.svc.id.goog"
  }

  dynamic "private_cluster_config" {
    for_each = var.private_nodes ? [true] : []

    content {
      enable_private_nodes = true
      # The API stays reachable from outside, for a laptop or CI.
      enable_private_endpoint = false
    }
  }

  dynamic "master_authorized_networks_config" {
    for_each = length(var.authorized_networks) > 0 ? [true] : []

    content {
      dynamic "cidr_blocks" {
        for_each = var.authorized_networks

        content {
          display_name = cidr_blocks.key
          cidr_block   = cidr_blocks.value
        }
      }
    }
  }

  dynamic "cluster_autoscaling" {
    for_each = var.autopilot ? [true] : []

    content {
      auto_provisioning_defaults {
        service_account = var.node_service_account
        oauth_scopes    = local.scopes
      }
    }
  }

  # Of the pool that every cluster begins with, and that is removed at once.
  dynamic "node_config" {
    for_each = var.autopilot ? [] : [true]

    content {
      service_account = var.node_service_account
      oauth_scopes    = local.scopes
    }
  }

  lifecycle {
    # Google tells that of our own pool here, once the first one is gone.
    ignore_changes = [node_config]
  }
}

resource "google_container_node_pool" "this" {
  count = var.autopilot ? 0 : 1

  name               = "main"
  cluster            = google_container_cluster.this.id
  initial_node_count = var.nodes.min

  autoscaling {
    min_node_count = var.nodes.min
    max_node_count = var.nodes.max
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  node_config {
    machine_type    = var.nodes.machine_type
    disk_size_gb    = var.nodes.disk_size
    spot            = var.nodes.spot
    service_account = var.node_service_account
    oauth_scopes    = local.scopes
    resource_labels = var.labels
    metadata        = { disable-legacy-endpoints = "true" }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    # Pods get the identity of their own service account, never that of the node.
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  lifecycle {
    # The number of the first day; a change of it would make the pool anew.
    ignore_changes = [initial_node_count]
  }
}

locals {
  # What a node may do is decided by the roles of its account.
  scopes = ["https://www.googleapis.com/auth/cloud-platform"]
}
