"""Everything that is printed: the answer to stdout, all else to stderr."""
