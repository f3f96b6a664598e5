"""The FastAPI application: every route, every error as a problem, and an OpenAPI page that tells all of it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from api.http.access_log import AccessLog
from api.http.cors import Cors
from api.http.middleware import RequestMiddleware
from api.http.operator_port import OperatorPort
from api.http.problems import ProblemBody, install
from api.routes import (
    connections,
    dead_letters,
    media_servers,
    messages,
    participants,
    probes,
    sessions,
    signals,
    streams,
    unreadable,
)
from api.routes.web import mount_web
from api.schemas.responses import EXAMPLES
from api.services import Services

OPERATORS = (media_servers, dead_letters, unreadable)
"""The nouns of operators, which may have an address of their own (``operator_port``)."""

_ABOUT = "Calls on Kurento. Every answer that is not 2xx is an `application/problem+json` body with a `code`."


def application(parts: Services) -> ASGIApp:
    """The whole ASGI program on these parts."""
    # redirect_slashes would answer 307 without a body of ours; a path with a stray slash is a 404 like any other.
    # The framework's pages about the description load their scripts from elsewhere: only the description is served.
    app = FastAPI(
        title="Callplane",
        version="0.1.0",
        description=_ABOUT,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    install(app)
    for noun in (sessions, participants, connections, signals, messages, streams, *OPERATORS, probes):
        app.include_router(noun.router)
    mount_web(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    origins = parts.settings.cors_origins
    inside: ASGIApp = Cors(app, origins) if origins else app
    if parts.settings.operator_port is not None:
        inside = OperatorPort(inside, [noun.router.prefix for noun in OPERATORS])
    return AccessLog(RequestMiddleware(inside, parts.metrics, parts.draining), parts.traces)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        shapes = schema["components"]["schemas"]
        shapes["Problem"] = ProblemBody.model_json_schema()
        for name, example in EXAMPLES.items():
            shapes[name]["examples"] = [example]
        app.openapi_schema = schema
    return app.openapi_schema
