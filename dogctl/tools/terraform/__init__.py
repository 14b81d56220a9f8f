"""Terraform: what it is asked, what it says while it works, and what its plans change."""
