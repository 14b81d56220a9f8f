# The app on minikube, or wherever else a kubeconfig leads: Terraform makes its secrets and drives
# Helm. A plain `terraform init` and `terraform apply` ask for dev or prod and need nothing else.

locals {
  release = coalesce(var.release, "${var.environment}-flask-app")
  chart   = coalesce(var.chart, "${path.module}/../../charts/dogapp")

  labels = {
    project     = var.name
    environment = var.environment
    managed-by  = "dogctl"
  }

  # The last one wins. A chart of one's own need not have values for minikube.
  values = concat(
    [for path in fileset(local.chart, "values-minikube.yaml") : file("${local.chart}/${path}")],
    [
      file("${path.module}/values/${var.environment}.yaml"),
      yamlencode({ image = local.image, env = var.env, podLabels = local.labels }),
    ],
  )
  image = { for name, value in {
    repository = var.image_repository
    tag        = var.image_tag
    digest     = var.image_digest
  } : name => value if value != null }
}

resource "random_password" "this" {
  for_each = var.secrets

  length = 48
  # Helm would take a comma or a brace apart.
  special = false
  keepers = { rotation = var.secrets_rotation }
}

resource "helm_release" "app" {
  name             = local.release
  namespace        = var.namespace
  create_namespace = true
  chart            = local.chart
  values           = local.values

  # A chart in a folder may change without a new version, which nobody would notice.
  description = "chart ${sha1(join("", [for path in fileset(local.chart, "**") : filesha1("${local.chart}/${path}")]))}"

  set_sensitive = [
    for name, password in random_password.this :
    { name = "secrets.values.${name}", value = password.result }
  ]

  # What does not become ready is taken back.
  atomic      = true
  timeout     = var.timeout
  max_history = 10
}
