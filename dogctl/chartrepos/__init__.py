"""Where charts are published: GitHub Pages, buckets, registries."""
