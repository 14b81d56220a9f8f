mock_provider "aws" {
  source = "../mocks/aws"
}

variables {
  name   = "dogs"
  bucket = "kennel-terraform-state"
}

run "a_bucket_and_nothing_else" {
  assert {
    condition     = output.bucket == "kennel-terraform-state"
    error_message = "Got ${output.bucket}."
  }
  assert {
    condition     = output.lock_table == null && output.charts_bucket == null
    error_message = "There is a table, or a bucket for charts."
  }
  assert {
    condition     = output.labels == { project = "dogs", environment = "shared", managed-by = "dogctl" }
    error_message = "Got ${jsonencode(output.labels)}."
  }
}

run "a_table_and_charts" {
  variables {
    lock_table    = "kennel-terraform-lock"
    charts_bucket = "kennel-charts"
  }
  assert {
    condition     = aws_dynamodb_table.lock[0].hash_key == "LockID" && output.lock_table == "kennel-terraform-lock"
    error_message = "Terraform does not find its locks."
  }
  assert {
    condition     = aws_dynamodb_table.lock[0].deletion_protection_enabled
    error_message = "Anybody may delete the table."
  }
  assert {
    condition     = output.charts_bucket != null
    error_message = "There is no bucket for charts."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.name, var.aws_region, var.lock_table]
  variables {
    name       = "Dogs"
    aws_region = "europe-west1"
    lock_table = "a b"
  }
}

run "charts_never_beside_the_state" {
  command         = plan
  expect_failures = [var.charts_bucket]
  variables {
    charts_bucket = "kennel-terraform-state"
  }
}
