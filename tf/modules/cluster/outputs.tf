output "name" {
  description = "Name of the cluster, once it has nodes."
  value       = google_container_cluster.this.name
  depends_on  = [google_container_node_pool.this]
}

output "location" {
  description = "Its region or zone."
  value       = google_container_cluster.this.location
}

output "workload_pool" {
  description = "Where its service accounts of Kubernetes are known at Google."
  value       = google_container_cluster.this.workload_identity_config[0].workload_pool
}
