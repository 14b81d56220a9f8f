output "names" {
  description = "Their names in Secret Manager, by variable, once they have values."
  value       = { for name, secret in google_secret_manager_secret.this : name => secret.secret_id }
  depends_on  = [google_secret_manager_secret_version.this]
}
