# An environment on Google Cloud: the cluster, and around it what the app wants.

locals {
  prefix = "${var.name}-${var.environment}"
  # What is not in a zone is in the zone's region.
  region    = regex("^[a-z]+-[a-z]+[0-9]+", var.region)
  release   = coalesce(var.release, var.name)
  namespace = coalesce(var.namespace, local.release)

  labels = {
    project     = var.name
    environment = var.environment
    managed-by  = "dogctl"
  }

  # APIs by what needs them.
  more_apis = {
    "cloudresourcemanager.googleapis.com" = true
    "dns.googleapis.com"                  = try(var.dns.zone, null) != null
    "iamcredentials.googleapis.com"       = var.github_repository != null
    "secretmanager.googleapis.com"        = length(var.secrets) > 0
    "storage.googleapis.com"              = var.charts != null
    "sts.googleapis.com"                  = var.github_repository != null
  }
}

module "apis" {
  source = "../modules/apis"

  project_id = var.project_id
  services   = var.apis
  more       = [for api, needed in local.more_apis : api if needed]
}

module "network" {
  source     = "../modules/network"
  depends_on = [module.apis]

  name             = local.prefix
  region           = local.region
  ranges           = var.ranges
  nat              = var.private_nodes
  private_services = var.database != null
  labels           = local.labels
}

# What nodes may do: write logs and metrics, and pull images. The account they would have otherwise
# may change the whole project, or nothing at all.
module "nodes" {
  source     = "../modules/identity"
  depends_on = [module.apis]

  project_id   = var.project_id
  name         = "${local.prefix}-nodes"
  display_name = "Nodes of ${local.prefix}"
  roles        = ["roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"]
}

module "cluster" {
  source = "../modules/cluster"

  project_id           = var.project_id
  name                 = coalesce(var.cluster, local.prefix)
  location             = var.region
  network              = module.network.network
  subnetwork           = module.network.subnetwork
  pods_range           = module.network.pods_range
  services_range       = module.network.services_range
  autopilot            = var.autopilot
  release_channel      = var.release_channel
  private_nodes        = var.private_nodes
  authorized_networks  = var.authorized_networks
  nodes                = var.nodes
  node_service_account = module.nodes.email
  deletion_protection  = var.deletion_protection
  labels               = local.labels
}
