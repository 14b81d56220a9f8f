output "email" {
  description = "Its e-mail, once it has its roles."
  value       = google_service_account.this.email
  depends_on  = [google_project_iam_member.this]
}

output "id" {
  description = "Its full name: projects/PROJECT/serviceAccounts/EMAIL."
  value       = google_service_account.this.name
}

output "key" {
  description = "Its key as JSON, or null."
  value       = one([for key in google_service_account_key.this : base64decode(key.private_key)])
  sensitive   = true
}
