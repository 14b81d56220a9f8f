# PostgreSQL or MySQL in Cloud SQL, reached from the VPC only.

locals {
  postgresql = var.engine == "postgresql"
  version    = coalesce(var.database_version, local.postgresql ? "POSTGRES_17" : "MYSQL_8_4")
}

# Google does not give the name of a deleted instance again for a week.
resource "random_id" "suffix" {
  byte_length = 2
}

resource "google_sql_database_instance" "this" {
  name             = "${var.name}-${random_id.suffix.hex}"
  region           = var.region
  database_version = local.version

  # Terraform refuses to delete it, and below so does Google, whoever asks.
  deletion_protection = var.deletion_protection

  settings {
    # Newer engines are Enterprise Plus by default, which has no small machines.
    edition           = "ENTERPRISE"
    tier              = var.tier
    availability_type = var.high_availability ? "REGIONAL" : "ZONAL"
    disk_size         = var.disk_size
    disk_autoresize   = true
    user_labels       = var.labels

    deletion_protection_enabled = var.deletion_protection

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    # With the logs of a week, the data of any second of it can be had again. Google keeps no logs
    # for longer than backups.
    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = local.postgresql ? true : null
      binary_log_enabled             = local.postgresql ? null : true
      transaction_log_retention_days = min(7, var.retained_backups)

      backup_retention_settings {
        retained_backups = var.retained_backups
      }
    }
  }

  lifecycle {
    # It grows by itself; back to the first day's size would be a new, empty instance.
    ignore_changes = [settings[0].disk_size]
  }
}

# Deleted with the instance, and never before: the data is in the database, and PostgreSQL does not
# let go of a user that owns something.
resource "google_sql_database" "this" {
  name            = var.database
  instance        = google_sql_database_instance.this.name
  deletion_policy = "ABANDON"
}

resource "google_sql_user" "this" {
  name            = var.user
  instance        = google_sql_database_instance.this.name
  host            = local.postgresql ? null : "%"
  password        = random_password.this.result
  deletion_policy = "ABANDON"
}

resource "random_password" "this" {
  length = 32
  # Nothing that would have to be quoted in a URL.
  special = false
}
