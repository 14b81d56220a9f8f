# Whatever tf/gke can make, for tests that look at all of it.

database          = { engine = "mysql" }
service_account   = { key = true, roles = ["roles/storage.objectViewer"] }
secrets           = ["DB_SECRET", "SECRET_KEYS"]
charts            = { public = true }
dns               = { zone = "example", host = "dogs.example.com", regional = true }
github_repository = "octocat/dogs"
