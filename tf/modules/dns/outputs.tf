output "address" {
  description = "The address."
  value       = local.address
}

output "name" {
  description = "Its name at Google."
  value       = one(concat(google_compute_global_address.this[*].name, google_compute_address.this[*].name))
}
