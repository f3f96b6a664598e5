"""Routing of the API: the FastAPI application with every route, and the OpenAPI document that tells of it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.http.problems import ProblemBody, install
from api.http.versions import VERSION, noun_of
from api.routes import (
    bans,
    connections,
    dead_letters,
    history,
    media_servers,
    messages,
    participants,
    presence,
    probes,
    sessions,
    signals,
    streams,
    tokens,
    unreadable,
)
from api.routes.web import mount_web
from api.schemas.responses import EXAMPLES

OPERATORS = (media_servers, dead_letters, unreadable)
"""The nouns of operators, which may have an address of their own (``operator_port``)."""

# The poll first: routes are matched in this order, and it is asked for more often than all others together.
NOUNS = (
    messages,
    sessions,
    tokens,
    participants,
    bans,
    presence,
    connections,
    signals,
    history,
    streams,
    *OPERATORS,
)
"""All that has a version in its path."""

_ABOUT = "Calls on Kurento. Every answer that is not 2xx is an `application/problem+json` body with a `code`."


def routed() -> FastAPI:
    """The FastAPI application: every route, every error as a problem, and an OpenAPI page that tells all of it."""
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
    install(app)
    for noun in (*NOUNS, probes):
        app.include_router(noun.router)
    mount_web(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        nouns = versioned_nouns()
        paths = schema["paths"].items()
        schema["paths"] = {VERSION + path if noun_of(path) in nouns else path: item for path, item in paths}
        shapes = schema["components"]["schemas"]
        shapes["Problem"] = ProblemBody.model_json_schema()
        for name, example in EXAMPLES.items():
            shapes[name]["examples"] = [example]
        app.openapi_schema = schema
    return app.openapi_schema


def versioned_nouns() -> set[str]:
    """The first elements of the paths that have a version."""
    return {noun_of(getattr(route, "path", "")) for noun in NOUNS for route in noun.router.routes}
