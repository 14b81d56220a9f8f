"""A Terraform provider as a program, which runs in a virtual environment of its own.

It speaks the plugin protocol with the schema of the real provider. What resources do is in one
module for each provider: `google`, `aws`, `chance` and `helm`.
"""
