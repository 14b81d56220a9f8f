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

run "a_cluster_and_a_registry_and_nothing_else" {
  assert {
    condition     = output.cluster_name == "dogs-test" && output.cluster_location == "europe-west1"
    error_message = "Got ${output.cluster_name} in ${output.cluster_location}."
  }
  assert {
    condition     = output.registry == "europe-west1-docker.pkg.dev/kennel/dogs-test"
    error_message = "Got ${output.registry}."
  }
  assert {
    condition     = output.labels == { project = "dogs", environment = "test", managed-by = "dogctl" }
    error_message = "Got ${jsonencode(output.labels)}."
  }
  assert {
    condition = alltrue([
      for off in [
        output.database_connection_name, output.database_name, output.database_user,
        output.charts_bucket, output.address, output.address_name,
        output.github_provider, output.github_service_account,
      ] : off == null
    ])
    error_message = "Something is there that nobody asked for."
  }
  assert {
    condition     = output.secrets == null && output.database_password == null
    error_message = "There are secrets that nobody asked for."
  }
  assert {
    condition     = output.service_account != null && output.service_account_key == null
    error_message = "There is a key, or nobody for it."
  }
}

run "the_ten_apis_and_what_the_rest_needs" {
  assert {
    condition     = length(module.apis.enabled) == 11 && contains(module.apis.enabled, "cloudresourcemanager.googleapis.com")
    error_message = "Got ${join(", ", module.apis.enabled)}."
  }
}

run "everything" {
  variables {
    cluster  = "kennel-one"
    database = {}
    service_account = {
      name  = "sql-access"
      key   = true
      roles = ["roles/storage.objectViewer"]
    }
    secrets           = ["DB_SECRET"]
    charts            = { public = true }
    dns               = { zone = "example", host = "dogs.example.com" }
    github_repository = "octocat/dogs"
  }
  assert {
    condition     = output.cluster_name == "kennel-one"
    error_message = "Got ${output.cluster_name}."
  }
  assert {
    condition = alltrue([
      output.database_connection_name == "kennel:europe-west1:dogs-test-0123",
      output.database_name == "app",
      output.database_user == "app",
      output.database_password == "nothing-secret",
    ])
    error_message = "The database is another one."
  }
  assert {
    condition     = jsondecode(output.service_account_key).type == "service_account"
    error_message = "There is no key."
  }
  assert {
    condition     = output.secrets == { DB_SECRET = "dogs-test-db-secret", DB_PASSWORD = "dogs-test-db-password" }
    error_message = "Got ${jsonencode(output.secrets)}."
  }
  assert {
    condition     = output.charts_bucket == "kennel-dogs-test-charts"
    error_message = "Got ${output.charts_bucket}."
  }
  assert {
    condition     = output.address == "203.0.113.7"
    error_message = "Got ${output.address}."
  }
  assert {
    condition     = endswith(output.github_provider, "/providers/github") && output.github_service_account != null
    error_message = "Jobs of GitHub cannot log in."
  }
  assert {
    condition = length(setsubtract([
      "dns.googleapis.com", "secretmanager.googleapis.com", "sts.googleapis.com",
      "iamcredentials.googleapis.com", "storage.googleapis.com",
    ], module.apis.enabled)) == 0
    error_message = "Got ${join(", ", module.apis.enabled)}."
  }
}

run "a_database_has_a_private_network" {
  variables {
    database = { engine = "mysql" }
  }
  assert {
    condition     = module.network.private_services_network != null
    error_message = "It would have no address."
  }
}

run "no_service_account" {
  variables {
    service_account = null
    database        = {}
    secrets         = ["DB_SECRET"]
  }
  assert {
    condition     = output.service_account == null && output.service_account_key == null
    error_message = "There is one."
  }
}

run "a_zone" {
  variables {
    region = "europe-west1-b"
  }
  assert {
    condition     = output.cluster_location == "europe-west1-b"
    error_message = "Got ${output.cluster_location}."
  }
  assert {
    condition     = startswith(output.registry, "europe-west1-docker.pkg.dev/")
    error_message = "Got ${output.registry}."
  }
}

run "docker_hub" {
  variables {
    registry = false
  }
  assert {
    condition     = output.registry == null
    error_message = "There is a registry that nobody asked for."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.name, var.project_id, var.region]
  variables {
    name       = "Dogs"
    project_id = "The kennel"
    region     = "Belgium"
  }
}

run "an_environment_is_part_of_names" {
  command         = plan
  expect_failures = [var.environment]
  variables {
    environment = "the_test"
  }
}

run "names_that_are_too_long_together" {
  command         = plan
  expect_failures = [var.environment]
  variables {
    name        = "dog-gif-application"
    environment = "production"
  }
}
