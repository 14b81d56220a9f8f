variable "name" {
  description = "Name of the pool, to which a random suffix is added."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]{1,27}$", var.name)) && !startswith(var.name, "gcp-")
    error_message = "name: write at most 27 lowercase letters, digits and dashes; gcp- at the beginning is Google's."
  }
}

variable "repository" {
  description = "The only repository whose jobs come in: OWNER/NAME."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository: write OWNER/NAME as GitHub spells it, such as octocat/dogs."
  }
}

variable "repository_id" {
  description = "Its number at GitHub, which a repository of the same name would not have later on; or null."
  type        = string
  default     = null

  validation {
    condition     = var.repository_id == null ? true : can(regex("^[0-9]+$", var.repository_id))
    error_message = "repository_id: write the number that `gh api repos/OWNER/NAME --jq .id` shows."
  }
}

variable "environment" {
  description = "The only environment of GitHub whose jobs come in; null for jobs with and without one."
  type        = string
  default     = null

  validation {
    condition     = var.environment == null ? true : can(regex("^[A-Za-z0-9._-]+$", var.environment))
    error_message = "environment: write the environment's name as GitHub has it, such as prod."
  }
}

variable "service_account" {
  description = "Full name of the service account that they act as: projects/PROJECT/serviceAccounts/EMAIL."
  type        = string
}
