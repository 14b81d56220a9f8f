mock_provider "google" {
  source = "../../mocks/google"
}

variables {
  name     = "dogs-test"
  location = "europe-west1"
  labels   = { project = "dogs" }
}

run "a_repository_of_images" {
  assert {
    condition     = output.url == "europe-west1-docker.pkg.dev/kennel/dogs-test"
    error_message = "Got ${output.url}."
  }
  assert {
    condition     = google_artifact_registry_repository.this.format == "DOCKER"
    error_message = "It is for something else."
  }
  assert {
    condition     = google_artifact_registry_repository.this.labels == tomap(var.labels)
    error_message = "It has no labels."
  }
}

run "who_may" {
  variables {
    readers = { nodes = "serviceAccount:nodes@kennel.iam.gserviceaccount.com" }
    writers = { github = "serviceAccount:ci@kennel.iam.gserviceaccount.com" }
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.readers["nodes"].role == "roles/artifactregistry.reader"
    error_message = "Readers may do something else."
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.writers["github"].role == "roles/artifactregistry.repoAdmin"
    error_message = "Writers cannot delete what is old."
  }
}

run "gcr_io" {
  variables {
    name     = "gcr.io"
    location = "us"
  }
  assert {
    condition     = google_artifact_registry_repository.this.repository_id == "gcr.io"
    error_message = "Got ${google_artifact_registry_repository.this.repository_id}."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.name]
  variables {
    name = "Dogs/web"
  }
}
