variable "prefix" {
  description = "What the names in Secret Manager begin with."
  type        = string
}

variable "labels" {
  description = "Labels of the secrets."
  type        = map(string)
}

variable "generate" {
  description = "Names of the app's variables that get a random value, such as DB_SECRET."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.generate : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "generate: write names of variables, such as DB_SECRET."
  }
}

variable "given" {
  description = "Values by name. They win over random ones."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "rotation" {
  description = "Another text here, such as a date, makes every random value anew."
  type        = string
  default     = ""
  nullable    = false
}

variable "readers" {
  description = "Who may read them, by a name of one's own: { app = \"serviceAccount:...\" }."
  type        = map(string)
  default     = {}
}
