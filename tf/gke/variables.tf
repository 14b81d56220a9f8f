# What dogctl passes: docs/infrastructure.md.

variable "name" {
  description = "Name of the app."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]*[a-z0-9])?$", var.name))
    error_message = "name: write lowercase letters, digits and dashes, beginning with a letter, such as dog-gif-app."
  }
}

variable "environment" {
  description = "Name of the environment, such as dev or prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.environment))
    error_message = "environment: write lowercase letters, digits and dashes, such as dev."
  }
  validation {
    condition     = length("${var.name}-${var.environment}") >= 3 && length("${var.name}-${var.environment}") <= 24
    error_message = "environment: together with the name it begins the names of everything, and service accounts take 30 characters; write a name and an environment of 3 to 24 characters together."
  }
}

variable "project_id" {
  description = "Google Cloud project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id: write the project's id, not its name or number, such as kennel-123456."
  }
}

variable "region" {
  description = "Region, or a zone for a cluster in that zone only."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+(-[a-z])?$", var.region))
    error_message = "region: write a region such as europe-west1, or a zone such as europe-west1-b."
  }
}

variable "cluster" {
  description = "Name of the cluster; without it NAME-ENVIRONMENT."
  type        = string
  default     = null
}

variable "release" {
  description = "Name of the Helm release, whose service account acts as the one at Google; without it the app's."
  type        = string
  default     = null
}

variable "namespace" {
  description = "Namespace of the release; without it the release's name."
  type        = string
  default     = null
}
