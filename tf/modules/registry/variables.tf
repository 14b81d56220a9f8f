variable "name" {
  description = "Name of the repository; gcr.io for images that are called so."
  type        = string

  validation {
    condition     = can(regex("^([a-z][a-z0-9-]{0,61}[a-z0-9]|([a-z]+\\.)?gcr\\.io)$", var.name))
    error_message = "name: write 2 to 63 lowercase letters, digits and dashes, or gcr.io."
  }
}

variable "location" {
  description = "Region, or multi-region such as europe; of gcr.io it is us."
  type        = string
}

variable "labels" {
  description = "Labels of the repository."
  type        = map(string)
}

variable "readers" {
  description = "Who may pull, by a name of one's own: { nodes = \"serviceAccount:...\" }."
  type        = map(string)
  default     = {}
}

variable "writers" {
  description = "Who may push and delete, by a name of one's own."
  type        = map(string)
  default     = {}
}
