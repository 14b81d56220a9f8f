"""Registries for tests: a real one with logins and TLS, faults before it, and Docker Hub's API.

All are plain servers on a free port of 127.0.0.1; with the network of a private engine
(`Engine.network`), on its loopback, where the engine sees them and trusts them without TLS.
"""
