"""The bundled web app: a random dog (or star) on every visit, and an exact count of visitors."""
