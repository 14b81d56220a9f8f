"""`python -m tests.bench`: figures for people, measured side by side in one run."""
