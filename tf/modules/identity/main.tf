# A service account and what it may do.

resource "google_service_account" "this" {
  account_id   = var.name
  display_name = var.display_name
}

resource "google_project_iam_member" "this" {
  for_each = var.roles

  project = var.project_id
  role    = each.value
  member  = google_service_account.this.member
}

# Workload Identity: pods with that service account of Kubernetes act as this one, without a key.
resource "google_service_account_iam_member" "pods" {
  count = var.kubernetes == null ? 0 : 1

  service_account_id = google_service_account.this.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.kubernetes.pool}[${var.kubernetes.namespace}/${var.kubernetes.account}]"
}

# It never ends, and it is in the state: only for what knows no other login.
resource "google_service_account_key" "this" {
  count = var.key ? 1 : 0

  service_account_id = google_service_account.this.name
}
