variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "services" {
  description = "APIs to enable. The default is what a Flask app on GKE with Cloud SQL needs."
  type        = set(string)
  nullable    = false
  default = [
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "containerregistry.googleapis.com",
    "iam.googleapis.com",
    "networkconnectivity.googleapis.com",
    "servicenetworking.googleapis.com",
    "sql-component.googleapis.com",
    "sqladmin.googleapis.com",
  ]

  validation {
    condition     = alltrue([for name in var.services : endswith(name, ".googleapis.com")])
    error_message = "services: write the full names, such as compute.googleapis.com."
  }
}

variable "more" {
  description = "APIs to enable besides, for what else is made."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.more : endswith(name, ".googleapis.com")])
    error_message = "more: write the full names, such as dns.googleapis.com."
  }
}
