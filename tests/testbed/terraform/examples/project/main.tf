terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }
}
provider "google" {
  project        = "dog-project"
  region         = "europe-west1"
  default_labels = { project = "dog-gif-app", environment = "dev", managed-by = "terraform" }
}
resource "google_project_service" "api" {
  for_each           = toset(["compute", "container", "sqladmin", "servicenetworking", "artifactregistry", "secretmanager", "iam", "cloudresourcemanager"])
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}
resource "google_compute_network" "this" {
  name                    = "dogs"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.api]
}
resource "google_compute_subnetwork" "this" {
  name          = "dogs"
  network       = google_compute_network.this.id
  ip_cidr_range = "10.10.0.0/20"
  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.20.0.0/16"
  }
}
resource "google_compute_global_address" "peering" {
  name          = "dogs-peering"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 16
  network       = google_compute_network.this.id
}
resource "google_service_networking_connection" "this" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  deletion_policy         = "ABANDON"
  reserved_peering_ranges = [google_compute_global_address.peering.name]
}
resource "random_id" "suffix" {
  byte_length = 2
}
resource "google_sql_database_instance" "this" {
  name                = "dogs-${random_id.suffix.hex}"
  database_version    = "MYSQL_8_4"
  deletion_protection = false
  settings {
    tier = "db-f1-micro"
    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
    }
  }
  depends_on = [google_service_networking_connection.this]
}
resource "google_sql_database" "this" {
  name     = "dogs"
  instance = google_sql_database_instance.this.name
}
resource "random_password" "db" {
  length  = 24
  special = false
}
resource "google_sql_user" "this" {
  name     = "dogs"
  instance = google_sql_database_instance.this.name
  password = random_password.db.result
}
resource "google_container_cluster" "this" {
  name                     = "dogs"
  location                 = "europe-west1"
  network                  = google_compute_network.this.id
  subnetwork               = google_compute_subnetwork.this.id
  deletion_protection      = false
  initial_node_count       = 1
  remove_default_node_pool = true
  workload_identity_config {
    workload_pool = "dog-project.svc.id.goog"
  }
  depends_on = [google_project_service.api]
}
resource "google_container_node_pool" "this" {
  name       = "main"
  cluster    = google_container_cluster.this.id
  location   = "europe-west1"
  node_count = 1
  node_config {
    machine_type    = "e2-standard-2"
    service_account = google_service_account.nodes.email
  }
}
resource "google_service_account" "nodes" {
  account_id = "dogs-nodes"
  depends_on = [google_project_service.api]
}
resource "google_project_iam_member" "nodes" {
  project = "dog-project"
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes.member
}
resource "google_artifact_registry_repository" "this" {
  location      = "europe-west1"
  repository_id = "dogs"
  format        = "DOCKER"
  depends_on    = [google_project_service.api]
}
resource "google_secret_manager_secret" "db" {
  secret_id = "dogs-db"
  replication {
    auto {}
  }
  depends_on = [google_project_service.api]
}
resource "google_secret_manager_secret_version" "db" {
  secret      = google_secret_manager_secret.db.id
  secret_data = random_password.db.result
}
resource "google_storage_bucket" "charts" {
  name     = "dog-project-charts"
  location = "EU"
}
output "endpoint" {
  value = google_container_cluster.this.endpoint
}
output "authority" {
  value = google_container_cluster.this.master_auth[0].cluster_ca_certificate
}
