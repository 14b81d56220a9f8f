# What Google would answer where a resource that uses it checks its form.

mock_resource "google_compute_network" {
  defaults = {
    id = "projects/kennel/global/networks/dogs-test"
  }
}

mock_resource "google_compute_subnetwork" {
  defaults = {
    id = "projects/kennel/regions/europe-west1/subnetworks/dogs-test"
  }
}

mock_resource "google_container_cluster" {
  defaults = {
    id = "projects/kennel/locations/europe-west1/clusters/dogs-test"
  }
}

mock_resource "google_service_account" {
  defaults = {
    email  = "dogs-test@kennel.iam.gserviceaccount.com"
    member = "serviceAccount:dogs-test@kennel.iam.gserviceaccount.com"
    name   = "projects/kennel/serviceAccounts/dogs-test@kennel.iam.gserviceaccount.com"
  }
}

mock_resource "google_service_account_key" {
  defaults = {
    # {"type":"service_account"}
    private_key = "eyJ0eXBlIjoic2VydmljZV9hY2NvdW50In0="
  }
}

mock_resource "google_sql_database_instance" {
  defaults = {
    connection_name    = "kennel:europe-west1:dogs-test-0123"
    private_ip_address = "10.40.0.3"
  }
}

mock_resource "google_secret_manager_secret" {
  defaults = {
    id = "projects/kennel/secrets/dogs-test-secret"
  }
}

mock_resource "google_artifact_registry_repository" {
  defaults = {
    name    = "dogs-test"
    project = "kennel"
  }
}

mock_resource "google_compute_address" {
  defaults = {
    address = "203.0.113.7"
  }
}

mock_resource "google_compute_global_address" {
  defaults = {
    address = "203.0.113.7"
  }
}

mock_resource "google_iam_workload_identity_pool" {
  defaults = {
    name = "projects/1234567890/locations/global/workloadIdentityPools/dogs-test-0123"
  }
}

mock_resource "google_iam_workload_identity_pool_provider" {
  defaults = {
    name = "projects/1234567890/locations/global/workloadIdentityPools/dogs-test-0123/providers/github"
  }
}
