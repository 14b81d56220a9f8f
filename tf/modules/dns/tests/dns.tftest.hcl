mock_provider "google" {
  source = "../../mocks/google"
}

variables {
  name   = "dogs-test"
  labels = { project = "dogs" }
}

run "global_for_an_ingress" {
  assert {
    condition     = output.address == "203.0.113.7" && length(google_compute_global_address.this) == 1
    error_message = "There is no global address."
  }
  assert {
    condition     = google_compute_global_address.this[0].labels == tomap(var.labels)
    error_message = "It has no labels."
  }
  assert {
    condition     = length(google_dns_record_set.this) == 0
    error_message = "There is a record that nobody asked for."
  }
}

run "regional_for_a_service" {
  variables {
    region = "europe-west1"
  }
  assert {
    condition     = output.name == "dogs-test" && length(google_compute_global_address.this) == 0
    error_message = "There is a global address."
  }
  assert {
    condition     = google_compute_address.this[0].labels == tomap(var.labels)
    error_message = "It has no labels."
  }
}

run "a_record_in_a_zone" {
  variables {
    zone = "example"
    host = "dogs.example.com"
  }
  assert {
    condition     = google_dns_record_set.this[0].name == "dogs.example.com."
    error_message = "Got ${google_dns_record_set.this[0].name}."
  }
  assert {
    condition     = google_dns_record_set.this[0].rrdatas == tolist(["203.0.113.7"])
    error_message = "It points somewhere else."
  }
}

run "no_host_without_a_zone" {
  command         = plan
  expect_failures = [var.host]
  variables {
    host = "dogs.example.com"
  }
}

run "no_zone_without_a_host" {
  command         = plan
  expect_failures = [var.host]
  variables {
    zone = "example"
  }
}

run "no_dot_at_the_end" {
  command         = plan
  expect_failures = [var.host]
  variables {
    zone = "example"
    host = "dogs.example.com."
  }
}
