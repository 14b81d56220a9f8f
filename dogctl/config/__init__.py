"""What the user decided, and where each decision came from."""
