mock_resource "aws_s3_bucket" {
  defaults = {
    arn = "arn:aws:s3:::kennel-terraform-state"
    id  = "kennel-terraform-state"
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    id = "kennel-terraform-lock"
  }
}
