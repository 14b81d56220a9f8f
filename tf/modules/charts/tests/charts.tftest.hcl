mock_provider "google" {
  source = "../../mocks/google"
}

variables {
  name     = "kennel-dogs-test-charts"
  location = "europe-west1"
  labels   = { project = "dogs" }
}

run "private_versioned_and_labelled" {
  assert {
    condition     = google_storage_bucket.this.uniform_bucket_level_access
    error_message = "Each object has rights of its own."
  }
  assert {
    condition     = google_storage_bucket.this.public_access_prevention == "enforced"
    error_message = "It could become public."
  }
  assert {
    condition     = google_storage_bucket.this.versioning[0].enabled
    error_message = "An index that was overwritten is gone."
  }
  assert {
    condition     = google_storage_bucket.this.labels == tomap(var.labels)
    error_message = "It has no labels."
  }
  assert {
    condition     = !google_storage_bucket.this.force_destroy
    error_message = "It would be deleted with all that is in it."
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.public) == 0
    error_message = "Anybody may read it."
  }
}

run "public_when_asked" {
  variables {
    public = true
  }
  assert {
    condition = alltrue([
      google_storage_bucket.this.public_access_prevention == "inherited",
      google_storage_bucket_iam_member.public[0].member == "allUsers",
      google_storage_bucket_iam_member.public[0].role == "roles/storage.objectViewer",
    ])
    error_message = "Nobody may read it, or they may do more."
  }
}

run "writers" {
  variables {
    writers = { github = "serviceAccount:ci@kennel.iam.gserviceaccount.com" }
  }
  assert {
    condition     = google_storage_bucket_iam_member.writers["github"].role == "roles/storage.objectUser"
    error_message = "They may do something else."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.name]
  variables {
    name = "Charts"
  }
}
