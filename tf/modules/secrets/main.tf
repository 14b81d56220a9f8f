# Secrets in Secret Manager: given ones, and random ones that stay until they are rotated.

locals {
  # Names are no secret, and what is made of each is listed in every plan.
  given = nonsensitive(toset(keys(var.given)))
  names = setunion(var.generate, local.given)
}

resource "google_secret_manager_secret" "this" {
  for_each = local.names

  secret_id = "${var.prefix}-${replace(lower(each.value), "_", "-")}"
  labels    = var.labels

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "this" {
  for_each = local.names

  secret      = google_secret_manager_secret.this[each.value].id
  secret_data = contains(local.given, each.value) ? var.given[each.value] : random_password.this[each.value].result

  lifecycle {
    # Whoever reads the latest version finds one at any time.
    create_before_destroy = true
  }
}

resource "random_password" "this" {
  for_each = setsubtract(var.generate, local.given)

  length  = 48
  special = false
  keepers = { rotation = var.rotation }
}

resource "google_secret_manager_secret_iam_member" "readers" {
  for_each = { for pair in setproduct(local.names, keys(var.readers)) : join("/", pair) => pair }

  secret_id = google_secret_manager_secret.this[each.value[0]].id
  role      = "roles/secretmanager.secretAccessor"
  member    = var.readers[each.value[1]]
}
