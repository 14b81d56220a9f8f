variable "name" {
  description = "Name of the address, by which an Ingress takes it."
  type        = string
}

variable "region" {
  description = "Region, for a Service of type LoadBalancer; null for a global one, for an Ingress."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of the address."
  type        = map(string)
}

variable "zone" {
  description = "Name of the managed zone, which is there already; null for no record."
  type        = string
  default     = null
}

variable "host" {
  description = "Host name in that zone, such as dogs.example.com."
  type        = string
  default     = null

  validation {
    condition     = var.host == null ? true : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.host))
    error_message = "host: write a host name without a dot at its end, such as dogs.example.com."
  }
  validation {
    condition     = (var.host == null) == (var.zone == null)
    error_message = "host: write a host together with the zone that it is in, or neither."
  }
}
