mock_provider "helm" {}

mock_provider "random" {
  source = "../mocks/random"
}

variables {
  environment = "dev"
}

run "as_in_the_seed" {
  assert {
    condition     = helm_release.app.name == "dev-flask-app" && helm_release.app.namespace == "mytomorrow"
    error_message = "Got ${helm_release.app.name} in ${helm_release.app.namespace}."
  }
  assert {
    condition     = helm_release.app.create_namespace
    error_message = "It needs a namespace that is not there."
  }
  assert {
    condition     = anytrue([for values in helm_release.app.values : try(yamldecode(values).service.type, "") == "NodePort"])
    error_message = "It is not on a port of the node."
  }
  assert {
    condition     = helm_release.app.atomic
    error_message = "What does not become ready would stay."
  }
}

run "prod_has_values_of_its_own" {
  variables {
    environment = "prod"
  }
  assert {
    condition     = helm_release.app.name == "prod-flask-app"
    error_message = "Got ${helm_release.app.name}."
  }
  assert {
    condition     = yamldecode(helm_release.app.values[1]).autoscaling.minReplicas >= 2
    error_message = "One pod is all there is."
  }
}

run "secrets_are_random_and_hidden" {
  assert {
    condition = toset([for secret in helm_release.app.set_sensitive : secret.name]) == toset([
      "secrets.values.DB_SECRET", "secrets.values.SECRET_KEYS",
    ])
    error_message = "Other variables have random values."
  }
  assert {
    condition     = alltrue([for password in random_password.this : password.length >= 48 && !password.special])
    error_message = "They are short, or Helm would take them apart."
  }
  assert {
    condition     = !strcontains(join("", helm_release.app.values), "nothing-secret")
    error_message = "A secret is among the values that everybody sees in a plan."
  }
}

run "rotation_makes_them_anew" {
  variables {
    secrets_rotation = "2026-11"
  }
  assert {
    condition     = alltrue([for password in random_password.this : password.keepers.rotation == "2026-11"])
    error_message = "They would stay."
  }
}

run "what_dogctl_passes" {
  variables {
    name             = "dogs"
    release          = "dogs"
    namespace        = "web"
    image_repository = "127.0.0.1:5000/team/dogs"
    image_tag        = "1.4.0"
    image_digest     = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    env              = { GREETING = "hello" }
  }
  assert {
    condition     = output.release == "dogs" && output.namespace == "web"
    error_message = "Got ${output.release} in ${output.namespace}."
  }
  assert {
    condition = yamldecode(helm_release.app.values[2]) == {
      image     = { repository = var.image_repository, tag = var.image_tag, digest = var.image_digest }
      env       = { GREETING = "hello" }
      podLabels = { project = "dogs", environment = "dev", managed-by = "dogctl" }
    }
    error_message = "Got ${helm_release.app.values[2]}."
  }
}

run "no_image_is_the_chart_s" {
  assert {
    condition     = yamldecode(helm_release.app.values[2]).image == {}
    error_message = "Got ${helm_release.app.values[2]}."
  }
}

run "nonsense" {
  command         = plan
  expect_failures = [var.environment, var.release, var.namespace, var.image_digest, var.secrets, var.timeout]
  variables {
    environment  = "qa"
    release      = "Dogs"
    namespace    = "my_tomorrow"
    image_digest = "latest"
    secrets      = ["db-secret"]
    timeout      = 0
  }
}
