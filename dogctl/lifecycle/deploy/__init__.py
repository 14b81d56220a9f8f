"""`dogctl deploy`: everything from the source to a release that is verified, as one plan."""
