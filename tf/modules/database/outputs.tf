output "connection_name" {
  description = "Where the Auth Proxy finds it: project:region:instance."
  value       = google_sql_database_instance.this.connection_name
}

output "address" {
  description = "Its address in the VPC."
  value       = google_sql_database_instance.this.private_ip_address
}

output "database" {
  description = "Name of the database, once it is there."
  value       = google_sql_database.this.name
}

output "user" {
  description = "User that the app logs in as, once it is there."
  value       = google_sql_user.this.name
}

output "password" {
  description = "That user's password."
  value       = random_password.this.result
  sensitive   = true
}
