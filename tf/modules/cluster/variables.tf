variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "name" {
  description = "Name of the cluster."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", var.name))
    error_message = "name: write a cluster's name of at most 40 lowercase letters, digits and dashes, such as hello-world-cluster."
  }
}

variable "location" {
  description = "Region, or a zone for a cluster in that zone only."
  type        = string
}

variable "labels" {
  description = "Labels of the cluster and its nodes."
  type        = map(string)
}

variable "network" {
  description = "Id of the VPC."
  type        = string
}

variable "subnetwork" {
  description = "Id of the subnet."
  type        = string
}

variable "pods_range" {
  description = "Name of the subnet's range of pods."
  type        = string
}

variable "services_range" {
  description = "Name of the subnet's range of services."
  type        = string
}

variable "autopilot" {
  description = "Whether Google brings the nodes, and bills pods instead. It cannot be changed later."
  type        = bool
  default     = false

  validation {
    condition     = !var.autopilot || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.location))
    error_message = "autopilot: is for a whole region; write location = \"europe-west1\" instead of a zone."
  }
}

variable "release_channel" {
  description = "Which versions of Kubernetes come, and when: RAPID, REGULAR or STABLE."
  type        = string
  default     = "REGULAR"

  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE"], var.release_channel)
    error_message = "release_channel: write RAPID, REGULAR or STABLE."
  }
}

variable "private_nodes" {
  description = "Whether nodes have no public address. They then need a NAT to reach the internet."
  type        = bool
  default     = false
}

variable "authorized_networks" {
  description = "CIDR blocks by name that may reach the cluster's API; without any the whole world."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for block in values(var.authorized_networks) : can(cidrhost(block, 0))])
    error_message = "authorized_networks: write CIDR blocks, such as { office = \"198.51.100.0/24\" }."
  }
}

variable "nodes" {
  description = "Nodes, unless Autopilot brings them: sizes in GB, min and max per zone of the location."
  type = object({
    machine_type = optional(string, "e2-standard-2")
    disk_size    = optional(number, 50)
    spot         = optional(bool, false)
    min          = optional(number, 1)
    max          = optional(number, 3)
  })
  default = {}

  validation {
    condition     = var.nodes.min >= 1 && var.nodes.max >= var.nodes.min
    error_message = "nodes: write min >= 1 and max >= min; both are per zone."
  }
  validation {
    condition     = var.nodes.disk_size >= 10
    error_message = "nodes: write a disk_size of at least 10 (GB)."
  }
}

variable "node_service_account" {
  description = "E-mail of the service account that nodes run as."
  type        = string
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the cluster."
  type        = bool
  default     = true
}
