variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "name" {
  description = "Name of the service account, the part before the @."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = "name: write a service account's name of 6 to 30 lowercase letters, digits and dashes, such as sql-access."
  }
}

variable "display_name" {
  description = "What it is for, in a few words."
  type        = string
}

variable "roles" {
  description = "Roles in the project, such as roles/cloudsql.client."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for role in var.roles : can(regex("^(roles|projects/[^/]+/roles|organizations/[^/]+/roles)/[A-Za-z0-9_.]+$", role))])
    error_message = "roles: write full names, such as roles/cloudsql.client."
  }
  validation {
    condition     = !contains(var.roles, "roles/owner")
    error_message = "roles: roles/owner may do everything, also give it to others; write the roles that are needed."
  }
}

variable "kubernetes" {
  description = "The service account of Kubernetes that acts as this one (Workload Identity), or null."
  type = object({
    pool      = string
    namespace = string
    account   = string
  })
  default = null
}

variable "key" {
  description = "Whether it gets a key, which never ends."
  type        = bool
  default     = false
}
