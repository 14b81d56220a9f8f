# Workload Identity Federation: jobs of one repository act as a service account, with tokens of
# GitHub that last minutes, and no key. https://github.com/google-github-actions/auth

# Google does not give the name of a deleted pool again for 30 days.
resource "random_id" "suffix" {
  byte_length = 2
}

resource "google_iam_workload_identity_pool" "this" {
  workload_identity_pool_id = "${var.name}-${random_id.suffix.hex}"
  display_name              = "GitHub Actions"
  description               = "Jobs of ${var.repository}"
}

resource "google_iam_workload_identity_pool_provider" "this" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.this.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  # One issuer serves all of GitHub: without this, anybody's jobs could come in.
  attribute_condition = join(" && ", local.conditions)

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    "attribute.ref"        = "assertion.ref"
  }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "this" {
  service_account_id = var.service_account
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.this.name}/attribute.repository/${var.repository}"
}

locals {
  claims = {
    repository    = var.repository
    repository_id = var.repository_id
    environment   = var.environment
  }
  conditions = [for name, value in local.claims : "assertion.${name} == '${value}'" if value != null]
}
