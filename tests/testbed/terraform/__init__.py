"""Real Terraform, with stand-ins for the providers that it would download.

`tests.testbed.terraform.plugins.terraform_plugins` leads Terraform to them.
"""
