variable "name" {
  description = "Name of the bucket, of which there is only one in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$", var.name))
    error_message = "name: write 3 to 63 lowercase letters, digits, - and _."
  }
}

variable "location" {
  description = "Region, or multi-region such as EU."
  type        = string
}

variable "labels" {
  description = "Labels of the bucket."
  type        = map(string)
}

variable "public" {
  description = "Whether anybody may read it, for a public repository of charts."
  type        = bool
  default     = false
}

variable "writers" {
  description = "Who may change what is in it, by a name of one's own."
  type        = map(string)
  default     = {}
}

variable "force_destroy" {
  description = "Whether it is deleted with the charts that are in it."
  type        = bool
  default     = false
}
