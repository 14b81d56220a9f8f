"""Charts in repositories: checked, packed, published, listed, pulled, and released from there."""
