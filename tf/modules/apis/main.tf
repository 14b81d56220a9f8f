# Google's APIs, without which nothing else can be made in a project.

resource "google_project_service" "this" {
  for_each = setunion(var.services, var.more)

  project = var.project_id
  service = each.value

  # Others may use them too, and what they made would be out of reach.
  disable_on_destroy = false
}
