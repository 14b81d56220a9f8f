"""One driver per kind of image registry, behind the protocol in base.py."""
