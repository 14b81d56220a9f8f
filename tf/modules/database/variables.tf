variable "name" {
  description = "Name of the instance, to which a random suffix is added."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,79}$", var.name))
    error_message = "name: write at most 80 lowercase letters, digits and dashes, such as dogs-prod."
  }
}

variable "region" {
  description = "Region of the instance."
  type        = string
}

variable "labels" {
  description = "Labels of the instance."
  type        = map(string)
}

variable "network" {
  description = "Id of the VPC in which it gets an address, connected with Google's services."
  type        = string
}

variable "engine" {
  description = "postgresql or mysql."
  type        = string
  default     = "postgresql"
  nullable    = false

  validation {
    condition     = contains(["postgresql", "mysql"], var.engine)
    error_message = "engine: write postgresql or mysql."
  }
}

variable "database_version" {
  description = "Version as Google names it, such as POSTGRES_16; without it the one we test with."
  type        = string
  default     = null

  validation {
    condition = var.database_version == null ? true : (
      startswith(var.database_version, var.engine == "mysql" ? "MYSQL_" : "POSTGRES_")
    )
    error_message = "database_version: write one of the engine, such as POSTGRES_17 or MYSQL_8_4."
  }
}

variable "tier" {
  description = "Machine: db-f1-micro, db-g1-small, or db-custom-CPUS-MEGABYTES."
  type        = string
  default     = "db-custom-1-3840"
  nullable    = false

  validation {
    condition     = can(regex("^db-(f1-micro|g1-small|custom-[0-9]+-[0-9]+|(perf|n1|c4a)-.+)$", var.tier))
    error_message = "tier: write db-f1-micro, db-g1-small or a machine such as db-custom-2-7680."
  }
}

variable "disk_size" {
  description = "Size of the disk on the first day, in GB. It grows by itself."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.disk_size >= 10
    error_message = "disk_size: write at least 10 (GB)."
  }
}

variable "high_availability" {
  description = "Whether a second machine in another zone takes over."
  type        = bool
  default     = false
  nullable    = false
}

variable "retained_backups" {
  description = "Daily backups to keep."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.retained_backups >= 1 && var.retained_backups <= 365
    error_message = "retained_backups: write a number of days from 1 to 365."
  }
}

variable "database" {
  description = "Name of the database."
  type        = string
  default     = "app"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]{0,62}$", var.database))
    error_message = "database: write at most 63 lowercase letters, digits, _ and -."
  }
}

variable "user" {
  description = "User that the app logs in as."
  type        = string
  default     = "app"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]{0,31}$", var.user)) && !contains(["root", "postgres"], var.user)
    error_message = "user: write at most 32 lowercase letters, digits, _ and -; not root or postgres, which are there anyway."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform and Google refuse to delete the instance."
  type        = bool
  default     = true
}
