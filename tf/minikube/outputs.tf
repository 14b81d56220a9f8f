output "release" {
  description = "Name of the Helm release, and of the service."
  value       = helm_release.app.name
}

output "namespace" {
  description = "Its namespace."
  value       = helm_release.app.namespace
}

output "url_command" {
  description = "The command that shows where the app is."
  value       = "minikube service ${helm_release.app.name} --url --namespace ${helm_release.app.namespace} --profile ${var.context}"
}

output "labels" {
  description = "What its pods are labelled with."
  value       = local.labels
}
