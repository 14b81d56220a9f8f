variable "name" {
  description = "Name of the app."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]*[a-z0-9])?$", var.name))
    error_message = "name: write lowercase letters, digits and dashes, beginning with a letter, such as dog-gif-app."
  }
}

variable "environment" {
  description = "What the tag says; one bucket usually holds the state of every environment."
  type        = string
  default     = "shared"
}

variable "aws_region" {
  description = "Region at AWS; without it AWS_REGION. TF_VAR_region is that of Google."
  type        = string
  default     = null

  validation {
    condition     = var.aws_region == null ? true : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "aws_region: write a region of AWS, such as eu-central-1."
  }
}

variable "bucket" {
  description = "Name of the bucket for the state, of which there is only one in the world."
  type        = string
}

variable "lock_table" {
  description = "Name of the DynamoDB table for locks; null to lock in the bucket."
  type        = string
  default     = null

  validation {
    condition     = var.lock_table == null ? true : can(regex("^[A-Za-z0-9_.-]{3,255}$", var.lock_table))
    error_message = "lock_table: write 3 to 255 letters, digits, _, . and -."
  }
}

variable "charts_bucket" {
  description = "Name of a bucket for charts; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.charts_bucket == null ? true : var.charts_bucket != var.bucket
    error_message = "charts_bucket: write another name than that of the state's bucket, which holds secrets."
  }
}

variable "kms_key" {
  description = "ARN of the key to encrypt with; null for AWS's own."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the lock table. A bucket with anything in it is never deleted."
  type        = bool
  default     = true
}
