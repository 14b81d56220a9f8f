variable "environment" {
  description = "Where to deploy: dev or prod. Its values are in values/."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment: write dev or prod."
  }
}

variable "name" {
  description = "Name of the app."
  type        = string
  default     = "dog-gif-app"
}

variable "release" {
  description = "Name of the Helm release; without it ENVIRONMENT-flask-app."
  type        = string
  default     = null

  validation {
    condition     = var.release == null ? true : can(regex("^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$", var.release))
    error_message = "release: write at most 53 lowercase letters, digits and dashes, such as dev-flask-app."
  }
}

variable "namespace" {
  description = "Namespace of the release, made if it is not there."
  type        = string
  default     = "mytomorrow"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace: write at most 63 lowercase letters, digits and dashes, such as mytomorrow."
  }
}

variable "kubeconfig" {
  description = "File that says how the cluster is reached."
  type        = string
  default     = "~/.kube/config"
}

variable "context" {
  description = "Context in that file."
  type        = string
  default     = "minikube"
}

variable "chart" {
  description = "Folder of the chart; without it the one that comes with dogctl."
  type        = string
  default     = null
}

variable "image_repository" {
  description = "Where the image is, such as docker.io/team/app; without it what the chart says."
  type        = string
  default     = null
}

variable "image_tag" {
  description = "Version of the image; without it the chart's."
  type        = string
  default     = null
}

variable "image_digest" {
  description = "sha256:... of the image, which then runs whatever the tag says."
  type        = string
  default     = null

  validation {
    condition     = var.image_digest == null ? true : can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "image_digest: write sha256: and 64 hexadecimal digits."
  }
}

variable "env" {
  description = "Environment variables of the app; nothing secret."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Environment variables of the app that get a random value."
  type        = set(string)
  default     = ["DB_SECRET", "SECRET_KEYS"]

  validation {
    condition     = alltrue([for name in var.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "secrets: write names of variables, such as DB_SECRET."
  }
}

variable "secrets_rotation" {
  description = "Another text here, such as a date, makes every random value anew."
  type        = string
  default     = ""
}

variable "timeout" {
  description = "Seconds a release may take until every pod is ready."
  type        = number
  default     = 600

  validation {
    condition     = var.timeout >= 1
    error_message = "timeout: write a number of seconds."
  }
}
