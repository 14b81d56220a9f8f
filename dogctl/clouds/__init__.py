"""Clients of cloud and cluster APIs, each over one maintained library."""
