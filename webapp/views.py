"""The routes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, jsonify, request

from webapp.database import DatabaseError, DatabaseUnavailable
from webapp.library import Picture
from webapp.metrics import CONTENT_TYPE
from webapp.pages import NumberedPage

if TYPE_CHECKING:
    from webapp.app import WebApp

PAGES_KEPT = 256
PROBE_SECONDS = 2.0
IMMUTABLE = "public, max-age=31536000, immutable"


def routes(app: WebApp) -> Blueprint:
    """All routes of the app."""
    views = Blueprint("views", __name__)
    _add_pages(views, app)
    _add_api(views, app)
    _add_probes(views, app)
    return views


def _add_pages(views: Blueprint, app: WebApp) -> None:
    @views.get("/")
    def index() -> Response:
        if request.method == "HEAD":
            return _head()
        # Before the visit is counted: a number that was given is to be shown.
        has_pictures = app.library.has_pictures()
        visit = app.visits.count() if has_pictures else None
        picture = app.library.pick(visit.catalogue) if visit else None
        if visit is None or picture is None:
            heading = "No picture yet"
            return app.failure(503, heading, "The collection is empty.", retry=True)
        return _html(_page_of(picture).fill(visit.number))

    @lru_cache(maxsize=PAGES_KEPT)
    def _page_of(picture: Picture) -> NumberedPage:
        return NumberedPage(lambda number: app.page("page.html", visitor=number, image=picture))

    @views.get("/image/<key>")
    def image(key: str) -> Response:
        blob = app.library.blob(key)
        if blob is None:
            abort(404)
        response = Response(blob.content, content_type=blob.type)
        response.set_etag(key)
        response.headers["Cache-Control"] = IMMUTABLE
        return response.make_conditional(request.environ)  # type: ignore[return-value]


def _add_api(views: Blueprint, app: WebApp) -> None:
    @views.get("/api/visits")
    def visits() -> Response:
        return _fresh({"visits": app.visitors()})

    @views.get("/api/random")
    def random_picture() -> Response:
        picture = app.library.pick(app.library.version())
        if picture is None:
            abort(404)
        return _fresh(_described(picture))

    @views.get("/config", strict_slashes=False)
    @views.get("/config/", strict_slashes=False)
    def config() -> Response:
        return _fresh(app.settings.public())

    @views.get("/will")
    def will() -> Response:
        return _fresh("Hello World")


def _add_probes(views: Blueprint, app: WebApp) -> None:
    faults = app.settings.faults
    visitors = BoundedQuery(app.visitors, PROBE_SECONDS)

    def why_unready() -> str:
        try:
            visitors()
        except DatabaseUnavailable as error:
            return error.reason
        except DatabaseError as error:
            app.log.failure("unready", error)
            return "database refuses the app's statements"
        return ""

    @views.get("/healthz")
    def healthz() -> tuple[Response, int]:
        if faults.unhealthy:
            return _fresh({"status": "unhealthy", "reason": "fault"}), 503
        return _fresh({"status": "ok"}), 200

    @views.get("/ready")
    def ready() -> tuple[Response, int]:
        reason = "fault" if faults.unready else app.visits.trouble() or why_unready()
        if reason:
            return _fresh({"status": "unready", "reason": reason}), 503
        return _fresh("It works!"), 200

    @views.get("/metrics")
    def metrics() -> Response:
        count: int | None
        try:
            count = visitors()
        except (DatabaseError, DatabaseUnavailable):
            count = None
        settings = app.settings
        body = app.metrics.render(count, settings.version, settings.collection)
        return Response(body, content_type=CONTENT_TYPE)


class BoundedQuery:
    """A query that probes ask: answered within `seconds`, even by a database that is frozen.

    One thread asks, so a query that never returns holds one thread and not one for each probe.
    """

    def __init__(self, query: Callable[[], int], seconds: float) -> None:
        self._query = query
        self._seconds = seconds
        self._lock = threading.Lock()
        self._under_way: Future[int] | None = None

    def __call__(self) -> int:
        """The answer, possibly one that another probe asked for. Raises DatabaseUnavailable."""
        with self._lock:
            if self._under_way is None or self._under_way.done():
                self._under_way = Future()
                # Not a pool: its threads survive neither the fork of a worker nor a frozen query.
                threading.Thread(target=self._ask, args=(self._under_way,), daemon=True).start()
            asked = self._under_way
        try:
            return asked.result(self._seconds)
        except TimeoutError:
            raise DatabaseUnavailable("database does not answer") from None

    def _ask(self, answer: Future[int]) -> None:
        try:
            answer.set_result(self._query())
        except BaseException as error:  # noqa: BLE001  # raised where the answer is awaited
            answer.set_exception(error)


def _described(picture: Picture) -> dict[str, object]:
    return {
        "id": picture.id,
        "url": picture.url,
        "name": picture.name,
        "type": picture.type,
        "width": picture.width,
        "height": picture.height,
        "frames": picture.frames,
        "bytes": picture.size,
    }


def _head() -> Response:
    response = _html("")
    # What a GET would send is not known, and 0 would be wrong.
    response.automatically_set_content_length = False
    del response.headers["Content-Length"]
    return response


def _html(text: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(text, headers=headers, content_type="text/html; charset=utf-8")


def _fresh(value: object) -> Response:
    response = jsonify(value)
    response.headers["Cache-Control"] = "no-store"
    return response
