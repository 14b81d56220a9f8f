variable "name" {
  description = "Name of the VPC and of what is in it."
  type        = string
}

variable "region" {
  description = "Region of the subnet."
  type        = string
}

variable "labels" {
  description = "Labels of what can have some."
  type        = map(string)
}

variable "ranges" {
  description = "Addresses of nodes, pods and services, as CIDR blocks that do not overlap."
  type = object({
    nodes    = optional(string, "10.10.0.0/20")
    pods     = optional(string, "10.20.0.0/16")
    services = optional(string, "10.30.0.0/20")
  })
  default = {}

  validation {
    condition     = alltrue([for range in values(var.ranges) : can(cidrnetmask(range))])
    error_message = "ranges: write IPv4 blocks, such as 10.10.0.0/20."
  }
}

variable "nat" {
  description = "Whether nodes without a public address may open connections to the internet."
  type        = bool
  default     = false
}

variable "private_services" {
  description = "Whether services that Google runs get addresses in this VPC, as Cloud SQL needs."
  type        = bool
  default     = false
}
