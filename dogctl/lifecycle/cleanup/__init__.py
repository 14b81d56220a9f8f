"""`dogctl cleanup`: what nobody needs any more goes, and nothing else."""
