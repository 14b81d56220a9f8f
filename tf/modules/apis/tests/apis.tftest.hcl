mock_provider "google" {}

variables {
  project_id = "kennel"
}

run "the_ten_of_a_flask_app_with_cloud_sql" {
  assert {
    condition = toset(output.enabled) == toset([
      for name in [
        "artifactregistry", "containerregistry", "compute", "sqladmin", "sql-component",
        "container", "cloudbuild", "servicenetworking", "networkconnectivity", "iam",
      ] : "${name}.googleapis.com"
    ])
    error_message = "Got ${join(", ", output.enabled)}."
  }
  assert {
    condition     = alltrue([for api in google_project_service.this : !api.disable_on_destroy])
    error_message = "A destroy would take an API away from others."
  }
}

run "more_are_added" {
  variables {
    more = ["dns.googleapis.com", "compute.googleapis.com"]
  }
  assert {
    condition     = length(output.enabled) == 11
    error_message = "Got ${length(output.enabled)}."
  }
}

run "others_instead" {
  variables {
    services = ["compute.googleapis.com"]
  }
  assert {
    condition     = output.enabled == tolist(["compute.googleapis.com"])
    error_message = "Got ${join(", ", output.enabled)}."
  }
}

run "names_are_whole" {
  command         = plan
  expect_failures = [var.services, var.more]
  variables {
    services = ["compute"]
    more     = ["dns"]
  }
}
