"""The Flask app: its parts put together, and what it answers when something is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from webapp.database import DatabaseError, DatabaseUnavailable
from webapp.edge import REQUEST_ID, ROUTE, Edge, misbehave
from webapp.ledger import Grant, Ledger
from webapp.library import Library
from webapp.logs import Log
from webapp.metrics import Metrics
from webapp.settings import Settings, read_settings
from webapp.store import ReadyDatabase
from webapp.views import routes
from webapp.visits import Visits

TEMPLATES = Path(__file__).parent.parent / "templates"
RETRY_AFTER_SECONDS = 5
POOL_SIZE = 4
WORDS = {
    404: ("No dog here", "There is no page at this address."),
    405: ("Not that way", "This page does not answer that kind of request."),
    500: ("Something broke", "The mistake is ours, and it has been noted."),
    503: ("Back in a moment", "The database is away, so your visit cannot be counted yet."),
}


class WebApp(Flask):
    """The app and the parts its views use."""

    def __init__(self, settings: Settings, log: Log, add: Callable[[int], Grant] | None) -> None:
        super().__init__(
            "webapp",
            template_folder=str(TEMPLATES),
            static_folder=str(TEMPLATES / "static"),
            static_url_path="/static",
        )
        # Flask takes it from FLASK_DEBUG, and the debugger runs what a visitor types.
        self.debug = False
        self.config["SEND_FILE_MAX_AGE_DEFAULT"] = 31536000
        # Else `/image//x` is redirected, to whatever host the request names.
        self.url_map.merge_slashes = False
        self.settings = settings
        self.log = log
        self.metrics = Metrics()
        self.metrics.pool_size.set(POOL_SIZE)
        self.database = ReadyDatabase(settings.database, POOL_SIZE)
        self.database.on_error = self._count_error
        self.database.on_pool = self.metrics.pool_in_use.set
        self.library = Library(self.database, settings.collection)
        self.ledger = Ledger(self.database.connect)
        self.visits = Visits(
            add or self.ledger.add,
            settings.visit_timeout,
            seats=settings.threads,
            on_error=self._visits_failed,
            on_back=lambda: log.event("info", "database_back"),
        )

    @cached_property
    def asset_version(self) -> str:
        """Changes when a static file does: pages link to files by it, so these may be cached."""
        digest = sha256()
        for file in sorted((TEMPLATES / "static").glob("*.*")):
            digest.update(file.read_bytes())
        return digest.hexdigest()[:12]

    def visitors(self) -> int:
        """The count, read from the database. Raises DatabaseUnavailable or DatabaseError."""
        with self.database.connection() as connection:
            return int(connection.row("SELECT visits FROM dogapp_counter")[0])

    def page(self, template: str, **context: object) -> str:
        """Render a template. Without Flask's context processors, which no page here needs."""
        return self.jinja_env.get_template(template).render(
            title=self.settings.title,
            collection=self.settings.collection,
            version=self.settings.version,
            asset_version=self.asset_version,
            **context,
        )

    def failure(self, code: int, heading: str, message: str, *, retry: bool) -> Response:
        """An error as a page, or as JSON for who asks for that."""
        best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
        if request.path.startswith("/api/") or best == "application/json":
            response = jsonify(
                error={
                    "code": code,
                    "message": message,
                    "request_id": request.environ.get(REQUEST_ID, ""),
                }
            )
        else:
            context = {"code": code, "heading": heading, "message": message, "retry": retry}
            response = Response(self.page("error.html", **context), mimetype="text/html")
        response.status_code = code
        response.headers["Cache-Control"] = "no-store"
        if retry:
            response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    def close(self) -> None:
        """Count what waits and close all connections to the database."""
        self.visits.close()
        self.ledger.close()
        self.database.close()
        self.log.flush()

    def _count_error(self, error: Exception) -> None:
        kind = "unavailable" if isinstance(error, DatabaseUnavailable) else "error"
        self.metrics.database_errors.labels(kind).inc()

    def _visits_failed(self, error: Exception, first: bool) -> None:
        self._count_error(error)
        if not isinstance(error, DatabaseUnavailable):
            self.log.failure("visits_failed", error)
        elif first:
            self.log.event("error", "database_away", reason=error.reason, error=str(error))


def create_app(
    settings: Settings | None = None,
    log: Log | None = None,
    add: Callable[[int], Grant] | None = None,
) -> WebApp:
    """Make the app; nothing is opened before the first request.

    Without `settings` they are read from the environment. `add` counts visits; without it the app
    has a ledger of its own. Raises SettingsError.
    """
    settings = settings or read_settings(os.environ)
    app = WebApp(settings, log or Log(settings.secrets()), add)
    app.before_request(_route_and_faults(app))
    app.register_blueprint(routes(app))
    _add_error_handlers(app)
    app.wsgi_app = Edge(app.wsgi_app, app.metrics, app.log)  # type: ignore[method-assign]
    return app


def _route_and_faults(app: WebApp):  # type: ignore[no-untyped-def]
    faults = app.settings.faults
    behave = not (faults.slow or faults.error)

    def before() -> Response | None:
        rule = request.url_rule
        if rule is None:
            return None
        # Werkzeug drops slashes at the start before it matches: `//` would count as a visit.
        if request.environ["PATH_INFO"].startswith("//"):
            abort(404)
        request.environ[ROUTE] = rule.rule
        if behave or not misbehave(faults, rule.rule):
            return None
        return app.failure(500, *WORDS[500], retry=False)

    return before


def _add_error_handlers(app: WebApp) -> None:
    @app.errorhandler(DatabaseUnavailable)
    def away(_error: DatabaseUnavailable) -> Response:
        return app.failure(503, *WORDS[503], retry=True)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        code = error.code or 500
        heading, message = WORDS.get(code, (error.name, error.description or error.name))
        response = app.failure(code, heading, message, retry=False)
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name != "Content-Type"
        )
        return response

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        if isinstance(error, DatabaseError):
            app._count_error(error)
        app.log.failure("request_failed", error, request_id=request.environ.get(REQUEST_ID, ""))
        return app.failure(500, *WORDS[500], retry=False)
