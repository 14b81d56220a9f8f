mock_provider "google" {
  source = "../../mocks/google"
}

mock_provider "random" {
  source = "../../mocks/random"
}

variables {
  name            = "dogs-test"
  repository      = "octocat/dogs"
  service_account = "projects/kennel/serviceAccounts/ci@kennel.iam.gserviceaccount.com"
}

run "one_repository_only" {
  assert {
    condition = (
      google_iam_workload_identity_pool_provider.this.attribute_condition == "assertion.repository == 'octocat/dogs'"
    )
    error_message = "Got ${google_iam_workload_identity_pool_provider.this.attribute_condition}."
  }
  assert {
    condition = endswith(
      google_service_account_iam_member.this.member, "/dogs-test-0123/attribute.repository/octocat/dogs"
    )
    error_message = "Got ${google_service_account_iam_member.this.member}."
  }
  assert {
    condition = (
      google_iam_workload_identity_pool_provider.this.oidc[0].issuer_uri == "https://token.actions.githubusercontent.com"
    )
    error_message = "Somebody else's tokens are taken."
  }
}

run "its_number_and_environment_too" {
  variables {
    repository_id = "42"
    environment   = "prod"
  }
  assert {
    condition = toset(split(" && ", google_iam_workload_identity_pool_provider.this.attribute_condition)) == toset([
      "assertion.repository == 'octocat/dogs'",
      "assertion.repository_id == '42'",
      "assertion.environment == 'prod'",
    ])
    error_message = "Got ${google_iam_workload_identity_pool_provider.this.attribute_condition}."
  }
}

run "nobody_writes_a_condition_of_their_own" {
  command         = plan
  expect_failures = [var.repository, var.repository_id, var.environment]
  variables {
    repository    = "octocat/dogs' || true || '"
    repository_id = "42' || '"
    environment   = "prod' || '"
  }
}

run "not_a_whole_owner" {
  command         = plan
  expect_failures = [var.repository]
  variables {
    repository = "octocat"
  }
}

run "not_a_name_of_google" {
  command         = plan
  expect_failures = [var.name]
  variables {
    name = "gcp-dogs"
  }
}
