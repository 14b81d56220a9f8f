# At AWS: a bucket for the state of Terraform, and if asked a table for its locks and a bucket for
# charts.

locals {
  tags = {
    project     = var.name
    environment = var.environment
    managed-by  = "dogctl"
  }
}

module "state" {
  source = "../modules/bucket"

  name    = var.bucket
  kms_key = var.kms_key
}

module "charts" {
  source = "../modules/bucket"
  count  = var.charts_bucket == null ? 0 : 1

  name    = var.charts_bucket
  kms_key = var.kms_key
}

# Terraform 1.11 locks in the bucket itself (use_lockfile); this is for teams that have agreed on a
# table. https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
resource "aws_dynamodb_table" "lock" {
  count = var.lock_table == null ? 0 : 1

  name         = var.lock_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockID"

  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "LockID"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key
  }
}
