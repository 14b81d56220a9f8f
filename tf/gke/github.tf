# What jobs of GitHub Actions may do, without a key.

module "deployer" {
  source     = "../modules/identity"
  count      = var.github_repository == null ? 0 : 1
  depends_on = [module.apis]

  project_id   = var.project_id
  name         = "${local.prefix}-ci"
  display_name = "GitHub Actions for ${local.prefix}"
  roles        = var.github_roles
}

module "github" {
  source     = "../modules/github"
  count      = var.github_repository == null ? 0 : 1
  depends_on = [module.apis]

  name            = local.prefix
  repository      = var.github_repository
  repository_id   = var.github_repository_id
  environment     = var.github_environment
  service_account = module.deployer[0].id
}

locals {
  deployers = { for deployer in module.deployer : "github" => "serviceAccount:${deployer.email}" }
}
