"""Typer signatures and help texts, and the one error boundary."""
