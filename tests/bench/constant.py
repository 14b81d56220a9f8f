"""What Flask alone costs: a route that returns a constant."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return "Hello"
