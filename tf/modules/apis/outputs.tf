output "enabled" {
  description = "The APIs, enabled."
  value       = sort([for api in google_project_service.this : api.service])
}
