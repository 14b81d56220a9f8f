mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  name = "kennel-terraform-state"
}

run "versioned_encrypted_and_private" {
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "What is overwritten is gone."
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    ])
    error_message = "It is not encrypted."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "It could become public."
  }
}

run "tls_only" {
  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0] == {
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::kennel-terraform-state", "arn:aws:s3:::kennel-terraform-state/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
    error_message = "Got ${aws_s3_bucket_policy.this.policy}."
  }
}

run "a_key_of_one_s_own" {
  variables {
    kms_key = "arn:aws:kms:eu-central-1:123456789012:key/0123"
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key
    ])
    error_message = "It is encrypted with another key."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.name, var.kms_key, var.keep_days]
  variables {
    name      = "Kennel.State"
    kms_key   = "alias/mine"
    keep_days = 0
  }
}
