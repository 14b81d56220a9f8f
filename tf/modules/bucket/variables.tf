variable "name" {
  description = "Name of the bucket, of which there is only one in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name: write 3 to 63 lowercase letters, digits and dashes, such as kennel-terraform-state."
  }
}

variable "kms_key" {
  description = "ARN of the key to encrypt with; null for S3's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null ? true : can(regex("^arn:[^:]+:kms:[^:]+:[0-9]+:key/.+$", var.kms_key))
    error_message = "kms_key: write the ARN of a key, such as arn:aws:kms:eu-central-1:123456789012:key/..."
  }
}

variable "keep_days" {
  description = "Days that an overwritten or deleted version is kept."
  type        = number
  default     = 90

  validation {
    condition     = var.keep_days >= 1
    error_message = "keep_days: write a number of days."
  }
}
