output "network" {
  description = "Id of the VPC."
  value       = google_compute_network.this.id
}

output "subnetwork" {
  description = "Id of the subnet."
  value       = google_compute_subnetwork.this.id
}

output "pods_range" {
  description = "Name of the range of pods."
  value       = google_compute_subnetwork.this.secondary_ip_range[0].range_name
}

output "services_range" {
  description = "Name of the range of services."
  value       = google_compute_subnetwork.this.secondary_ip_range[1].range_name
}

output "private_services_network" {
  description = "Id of the VPC once Google's services can have addresses in it; null without."
  value       = var.private_services ? google_compute_network.this.id : null
  depends_on  = [google_service_networking_connection.this]
}
