# What the app uses, each only if it is switched on.

module "app" {
  source     = "../modules/identity"
  count      = var.service_account == null ? 0 : 1
  depends_on = [module.apis]

  project_id   = var.project_id
  name         = coalesce(var.service_account.name, local.prefix)
  display_name = "${local.release} in ${var.environment}"
  roles        = setunion(var.service_account.roles, var.database == null ? [] : ["roles/cloudsql.client"])
  key          = var.service_account.key
  kubernetes = {
    pool      = module.cluster.workload_pool
    namespace = local.namespace
    account   = local.release
  }
}

module "database" {
  source = "../modules/database"
  count  = var.database == null ? 0 : 1

  name                = local.prefix
  region              = local.region
  network             = module.network.private_services_network
  engine              = var.database.engine
  database_version    = var.database.version
  tier                = var.database.tier
  disk_size           = var.database.disk_size
  high_availability   = var.database.high_availability
  retained_backups    = var.database.retained_backups
  database            = var.database.name
  user                = var.database.user
  deletion_protection = var.deletion_protection
  labels              = local.labels
}

module "secrets" {
  source     = "../modules/secrets"
  count      = length(var.secrets) > 0 ? 1 : 0
  depends_on = [module.apis]

  prefix   = local.prefix
  generate = var.secrets
  given    = { for database in module.database : "DB_PASSWORD" => database.password }
  rotation = var.secrets_rotation
  readers  = { for app in module.app : "app" => "serviceAccount:${app.email}" }
  labels   = local.labels
}

module "registry" {
  source     = "../modules/registry"
  count      = var.registry ? 1 : 0
  depends_on = [module.apis]

  name     = local.prefix
  location = local.region
  writers  = local.deployers
  labels   = local.labels
}

module "charts" {
  source     = "../modules/charts"
  count      = var.charts == null ? 0 : 1
  depends_on = [module.apis]

  name          = "${var.project_id}-${local.prefix}-charts"
  location      = local.region
  public        = var.charts.public
  writers       = local.deployers
  force_destroy = !var.deletion_protection
  labels        = local.labels
}

module "dns" {
  source     = "../modules/dns"
  count      = var.dns == null ? 0 : 1
  depends_on = [module.apis]

  name   = local.prefix
  region = var.dns.regional ? local.region : null
  zone   = var.dns.zone
  host   = var.dns.host
  labels = local.labels
}
