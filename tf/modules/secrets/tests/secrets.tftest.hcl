mock_provider "google" {
  source = "../../mocks/google"
}

mock_provider "random" {
  source = "../../mocks/random"
}

variables {
  prefix   = "dogs-test"
  labels   = { project = "dogs" }
  generate = ["DB_SECRET", "SECRET_KEYS"]
}

run "random_values" {
  assert {
    condition     = output.names == { DB_SECRET = "dogs-test-db-secret", SECRET_KEYS = "dogs-test-secret-keys" }
    error_message = "Got ${jsonencode(output.names)}."
  }
  assert {
    condition     = alltrue([for password in random_password.this : password.length >= 48])
    error_message = "They are short."
  }
  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.this : secret.labels == tomap(var.labels)])
    error_message = "They have no labels."
  }
}

run "given_values_win" {
  variables {
    given = { DB_SECRET = "given", DB_PASSWORD = "told" }
  }
  assert {
    condition     = google_secret_manager_secret_version.this["DB_SECRET"].secret_data == "given"
    error_message = "It has another value."
  }
  assert {
    condition     = google_secret_manager_secret_version.this["DB_PASSWORD"].secret_data == "told"
    error_message = "It has another value."
  }
  assert {
    condition     = keys(random_password.this) == ["SECRET_KEYS"]
    error_message = "Random values were made for others too."
  }
}

run "rotation_makes_them_anew" {
  variables {
    rotation = "2026-11"
  }
  assert {
    condition     = alltrue([for password in random_password.this : password.keepers.rotation == "2026-11"])
    error_message = "They would stay."
  }
}

run "each_reader_reads_each" {
  variables {
    readers = { app = "serviceAccount:app@kennel.iam.gserviceaccount.com" }
  }
  assert {
    condition     = keys(google_secret_manager_secret_iam_member.readers) == ["DB_SECRET/app", "SECRET_KEYS/app"]
    error_message = "Got ${join(", ", keys(google_secret_manager_secret_iam_member.readers))}."
  }
  assert {
    condition = alltrue([
      for reader in google_secret_manager_secret_iam_member.readers : reader.role == "roles/secretmanager.secretAccessor"
    ])
    error_message = "Readers may do something else."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.generate]
  variables {
    generate = ["db-secret"]
  }
}
