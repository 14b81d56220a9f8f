output "provider" {
  description = "The provider, as google-github-actions/auth wants it."
  value       = google_iam_workload_identity_pool_provider.this.name
  depends_on  = [google_service_account_iam_member.this]
}
