mock_provider "google" {
  source = "../../mocks/google"
}

variables {
  project_id   = "kennel"
  name         = "dogs-test"
  display_name = "Dogs"
}

run "no_key_and_no_roles_unless_asked" {
  assert {
    condition     = length(google_service_account_key.this) == 0 && output.key == null
    error_message = "There is a key."
  }
  assert {
    condition     = length(google_project_iam_member.this) + length(google_service_account_iam_member.pods) == 0
    error_message = "It may do something, or somebody may act as it."
  }
}

run "a_key_when_asked" {
  variables {
    key = true
  }
  assert {
    condition     = jsondecode(output.key).type == "service_account"
    error_message = "The key is not JSON."
  }
}

run "roles" {
  variables {
    roles = ["roles/cloudsql.client", "projects/kennel/roles/walker"]
  }
  assert {
    condition     = toset([for member in google_project_iam_member.this : member.role]) == var.roles
    error_message = "It has other roles."
  }
}

run "workload_identity_of_one_service_account" {
  variables {
    kubernetes = { pool = "kennel.svc.id.goog", namespace = "web", account = "dogs" }
  }
  assert {
    condition     = google_service_account_iam_member.pods[0].member == "serviceAccount:kennel.svc.id.goog[web/dogs]"
    error_message = "Got ${google_service_account_iam_member.pods[0].member}."
  }
  assert {
    condition     = google_service_account_iam_member.pods[0].role == "roles/iam.workloadIdentityUser"
    error_message = "Got ${google_service_account_iam_member.pods[0].role}."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.name, var.roles]
  variables {
    name  = "sql"
    roles = ["cloudsql.client"]
  }
}

run "nobody_is_owner" {
  command         = plan
  expect_failures = [var.roles]
  variables {
    roles = ["roles/owner"]
  }
}
