"""What is in tf/, by real Terraform."""
