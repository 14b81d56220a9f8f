# What a project decides, in ENVIRONMENT.tfvars.

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete cluster and database, and a bucket with charts in it."
  type        = bool
  default     = true
}

variable "apis" {
  description = "APIs to enable instead of the usual ten; null for those."
  type        = set(string)
  default     = null
}

variable "ranges" {
  description = "CIDR blocks of nodes, pods and services."
  type = object({
    nodes    = optional(string)
    pods     = optional(string)
    services = optional(string)
  })
  default = {}
}

variable "autopilot" {
  description = "Whether Google brings the nodes. It cannot be changed later."
  type        = bool
  default     = false
}

variable "nodes" {
  description = "Nodes, unless Autopilot brings them: sizes in GB, min and max per zone."
  type = object({
    machine_type = optional(string)
    disk_size    = optional(number)
    spot         = optional(bool)
    min          = optional(number)
    max          = optional(number)
  })
  default = {}
}

variable "private_nodes" {
  description = "Whether nodes have no public address, and reach the internet through a NAT."
  type        = bool
  default     = true
}

variable "authorized_networks" {
  description = "CIDR blocks by name that may reach the cluster's API; without any the whole world."
  type        = map(string)
  default     = {}
}

variable "release_channel" {
  description = "Which versions of Kubernetes come: RAPID, REGULAR or STABLE."
  type        = string
  default     = "REGULAR"
}

variable "database" {
  description = "A database in Cloud SQL, {} for PostgreSQL as it comes; null for none."
  type = object({
    engine            = optional(string)
    version           = optional(string)
    tier              = optional(string)
    disk_size         = optional(number)
    high_availability = optional(bool)
    retained_backups  = optional(number)
    name              = optional(string)
    user              = optional(string)
  })
  default = null
}

variable "service_account" {
  description = "The service account that the app's pods act as, with a key only if asked; null for none."
  type = object({
    name  = optional(string)
    roles = optional(set(string), [])
    key   = optional(bool, false)
  })
  default = {}
}

variable "secrets" {
  description = "Variables of the app that get a random value in Secret Manager, such as DB_SECRET. With any, the database's password is there too."
  type        = set(string)
  default     = []
}

variable "secrets_rotation" {
  description = "Another text here, such as a date, makes every random value anew."
  type        = string
  default     = ""
}

variable "registry" {
  description = "Whether to make a registry for images; not if they are at Docker Hub."
  type        = bool
  default     = true
}

variable "charts" {
  description = "A bucket for charts, {} for a private one; null for none."
  type        = object({ public = optional(bool, false) })
  default     = null
}

variable "dns" {
  description = "An address that stays, and its name in a zone that is there; regional for a Service, global for an Ingress; null for none."
  type = object({
    regional = optional(bool, false)
    zone     = optional(string)
    host     = optional(string)
  })
  default = null
}

variable "github_repository" {
  description = "Repository at GitHub whose jobs may deploy without a key: OWNER/NAME; null for none."
  type        = string
  default     = null
}

variable "github_repository_id" {
  description = "Its number at GitHub, which another repository of the name would not have; or null."
  type        = string
  default     = null
}

variable "github_environment" {
  description = "The only environment of GitHub whose jobs may; null for all jobs of the repository."
  type        = string
  default     = null
}

variable "github_roles" {
  description = "What they may do in the project, besides pushing to the registry and the bucket made here."
  type        = set(string)
  default     = ["roles/container.developer"]
}
