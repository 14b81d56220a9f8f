# This root makes the place where the others keep their state, so its own is in a file beside it.
# That may be lost: `terraform import` takes a bucket that is there.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

provider "aws" {
  region = var.aws_region

  default_tags {
    tags = local.tags
  }
}
