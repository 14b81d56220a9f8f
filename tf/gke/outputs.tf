output "cluster_name" {
  description = "Name of the cluster."
  value       = module.cluster.name
}

output "cluster_location" {
  description = "Region or zone of the cluster."
  value       = module.cluster.location
}

output "network" {
  description = "Id of the VPC that everything is in."
  value       = module.network.network
}

output "registry" {
  description = "Where images are: HOST/PROJECT/REPOSITORY; null without a registry here."
  value       = one(module.registry[*].url)
}

output "database_connection_name" {
  description = "Where the Auth Proxy finds the database: project:region:instance; null without one."
  value       = one(module.database[*].connection_name)
}

output "database_name" {
  description = "Name of the database; null without one."
  value       = one(module.database[*].database)
}

output "database_user" {
  description = "User that the app logs in as; null without a database."
  value       = one(module.database[*].user)
}

output "database_password" {
  description = "That user's password; null without a database."
  value       = one(module.database[*].password)
  sensitive   = true
}

output "service_account" {
  description = "E-mail of the service account that the app acts as; null without one."
  value       = one(module.app[*].email)
}

output "service_account_key" {
  description = "Its key as JSON; null unless asked for."
  value       = one(module.app[*].key)
  sensitive   = true
}

output "secrets" {
  description = "Names in Secret Manager by the app's variable; null without any there."
  value       = one(module.secrets[*].names)
}

output "charts_bucket" {
  description = "Bucket for charts; null without one."
  value       = one(module.charts[*].bucket)
}

output "address" {
  description = "Address for the app; null without one."
  value       = one(module.dns[*].address)
}

output "address_name" {
  description = "That address's name at Google, for the annotation of an Ingress; null without one."
  value       = one(module.dns[*].name)
}

output "github_provider" {
  description = "Provider for google-github-actions/auth; null without a repository at GitHub."
  value       = one(module.github[*].provider)
}

output "github_service_account" {
  description = "E-mail of the service account that jobs act as; null without a repository at GitHub."
  value       = one(module.deployer[*].email)
}

output "labels" {
  description = "What everything is labelled with that can be."
  value       = local.labels
}
