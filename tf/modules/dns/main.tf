# An address that stays, and a name for it.

resource "google_compute_global_address" "this" {
  count = var.region == null ? 1 : 0

  name   = var.name
  labels = var.labels
}

resource "google_compute_address" "this" {
  count = var.region == null ? 0 : 1

  name   = var.name
  region = var.region
  labels = var.labels
}

locals {
  address = one(concat(google_compute_global_address.this[*].address, google_compute_address.this[*].address))
}

resource "google_dns_record_set" "this" {
  count = var.zone == null ? 0 : 1

  managed_zone = var.zone
  name         = "${var.host}."
  type         = "A"
  ttl          = 300
  rrdatas      = [local.address]
}
