mock_resource "random_id" {
  defaults = {
    hex = "0123"
  }
}

mock_resource "random_password" {
  defaults = {
    result = "nothing-secret"
  }
}
