mock_provider "google" {
  source = "../../mocks/google"
}

mock_provider "random" {
  source = "../../mocks/random"
}

variables {
  name    = "dogs-test"
  region  = "europe-west1"
  labels  = { project = "dogs" }
  network = "projects/kennel/global/networks/dogs-test"
}

run "private_and_encrypted" {
  assert {
    condition = alltrue([
      for ip in google_sql_database_instance.this.settings[0].ip_configuration :
      !ip.ipv4_enabled && ip.private_network == var.network && ip.ssl_mode == "ENCRYPTED_ONLY"
    ])
    error_message = "It can be reached from outside, or in the clear."
  }
}

run "protected_by_terraform_and_google" {
  assert {
    condition     = google_sql_database_instance.this.deletion_protection
    error_message = "Terraform would delete it."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].deletion_protection_enabled
    error_message = "Google would delete it."
  }
}

run "may_be_deleted_if_said_so" {
  variables {
    deletion_protection = false
  }
  assert {
    condition = !(google_sql_database_instance.this.deletion_protection ||
    google_sql_database_instance.this.settings[0].deletion_protection_enabled)
    error_message = "Something still refuses."
  }
}

run "postgresql_with_backups" {
  assert {
    condition     = startswith(google_sql_database_instance.this.database_version, "POSTGRES_")
    error_message = "Got ${google_sql_database_instance.this.database_version}."
  }
  assert {
    condition = alltrue([
      for backup in google_sql_database_instance.this.settings[0].backup_configuration :
      backup.enabled && backup.point_in_time_recovery_enabled
    ])
    error_message = "Data of yesterday could not be had again."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].edition == "ENTERPRISE"
    error_message = "Small machines would be refused."
  }
}

run "mysql_with_backups" {
  variables {
    engine = "mysql"
  }
  assert {
    condition     = startswith(google_sql_database_instance.this.database_version, "MYSQL_")
    error_message = "Got ${google_sql_database_instance.this.database_version}."
  }
  assert {
    condition = alltrue([
      for backup in google_sql_database_instance.this.settings[0].backup_configuration :
      backup.enabled && backup.binary_log_enabled
    ])
    error_message = "Data of yesterday could not be had again."
  }
  assert {
    condition     = google_sql_user.this.host == "%"
    error_message = "Pods could not log in."
  }
}

run "a_name_that_was_not_there_before" {
  assert {
    condition     = google_sql_database_instance.this.name == "dogs-test-0123"
    error_message = "Got ${google_sql_database_instance.this.name}."
  }
}

run "a_password_for_a_url" {
  assert {
    condition     = random_password.this.length >= 32 && !random_password.this.special
    error_message = "It is short, or has to be quoted."
  }
  assert {
    condition     = google_sql_user.this.password == random_password.this.result
    error_message = "The user has another one."
  }
}

run "data_is_never_dropped_alone" {
  assert {
    condition     = google_sql_database.this.deletion_policy == "ABANDON"
    error_message = "Another name for the database would drop the old one."
  }
}

run "labelled" {
  assert {
    condition     = google_sql_database_instance.this.settings[0].user_labels == tomap(var.labels)
    error_message = "It has no labels."
  }
}

run "nulls_are_defaults" {
  variables {
    engine            = null
    tier              = null
    disk_size         = null
    high_availability = null
    retained_backups  = null
    database          = null
    user              = null
  }
  assert {
    condition     = output.database == "app" && output.user == "app"
    error_message = "Got ${output.database} and ${output.user}."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].availability_type == "ZONAL"
    error_message = "A second machine that nobody asked for."
  }
}

run "nonsense" {
  command = plan
  expect_failures = [
    var.name, var.database_version, var.tier, var.disk_size, var.retained_backups, var.database, var.user,
  ]
  variables {
    name             = "Dogs"
    database_version = "MYSQL_8_4"
    tier             = "huge"
    disk_size        = 1
    retained_backups = 0
    database         = "DROP TABLE"
    user             = "postgres"
  }
}

run "engines_are_two" {
  command         = plan
  expect_failures = [var.engine]
  variables {
    engine = "oracle"
  }
}
