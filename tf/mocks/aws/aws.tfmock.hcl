mock_resource "aws_s3_bucket" {
  defaults = {
    id = "kennel-terraform-state"
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    id = "kennel-terraform-lock"
  }
}
