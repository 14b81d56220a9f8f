# A repository of images in Artifact Registry. Old ones are removed by `dogctl cleanup`, which knows
# what still runs; so there is no cleanup policy.

resource "google_artifact_registry_repository" "this" {
  repository_id = var.name
  location      = var.location
  format        = "DOCKER"
  labels        = var.labels
}

resource "google_artifact_registry_repository_iam_member" "readers" {
  for_each = var.readers

  repository = google_artifact_registry_repository.this.name
  location   = var.location
  role       = "roles/artifactregistry.reader"
  member     = each.value
}

resource "google_artifact_registry_repository_iam_member" "writers" {
  for_each = var.writers

  repository = google_artifact_registry_repository.this.name
  location   = var.location
  # To delete what is old takes more than roles/artifactregistry.writer.
  role   = "roles/artifactregistry.repoAdmin"
  member = each.value
}
