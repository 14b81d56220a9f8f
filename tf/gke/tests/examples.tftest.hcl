# Planned with each of the ENVIRONMENT.tfvars too: terraform test -var-file=prod.tfvars

mock_provider "google" {
  source = "../mocks/google"
}

mock_provider "random" {
  source = "../mocks/random"
}

variables {
  name        = "dogs"
  environment = "test"
  project_id  = "kennel"
  region      = "europe-west1"
}

run "plan" {
  command = plan
  assert {
    condition     = output.labels.managed-by == "dogctl"
    error_message = "Got ${jsonencode(output.labels)}."
  }
}
