"""Routing of the API: the FastAPI application with every route."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from api.dependencies import CALLER
from api.document import describe, every, operation_id
from api.http.problems import install
from api.http.versions import noun_of
from api.routes import (
    bans,
    client_reports,
    connections,
    dead_letters,
    event_stream,
    events,
    graph,
    history,
    keys,
    mailbox,
    media_servers,
    messages,
    muting,
    overview,
    participants,
    presence,
    probes,
    processes,
    sessions,
    shared_state,
    signals,
    streams,
    tenants,
    tokens,
    unreadable,
    webhook_deliveries,
    webhooks,
)
from api.routes.web import mount_web
from api.services import services_of
from callplane.contracts.errors import Problem

OPERATORS = (media_servers, processes, unreadable, keys)
"""The nouns of operators, which may have an address of their own (``operator_port``)."""

# The poll first: routes are matched in this order, and it is asked for more often than all others together.
NOUNS = (
    messages,
    sessions,
    overview,
    tokens,
    participants,
    client_reports,
    graph,
    mailbox,
    bans,
    muting,
    presence,
    shared_state,
    connections,
    signals,
    history,
    events,
    event_stream,
    streams,
    webhooks,
    webhook_deliveries,
    dead_letters,
    tenants,
    *OPERATORS,
)
"""All that has a version in its path."""

_ABOUT = "Calls on Kurento. Every answer that is not 2xx is an `application/problem+json` body with a `code`."


def routed(further: Sequence[APIRouter] = ()) -> FastAPI:
    """The FastAPI application: every route, every error as a problem, and an OpenAPI page that tells all of it.

    ``further``: nouns of whoever runs this in a process of its own (`callplane up`).
    """
    # redirect_slashes would answer 307 without a body of ours; a path with a stray slash is a 404 like any other.
    # The framework's pages about the description load their scripts from elsewhere: only the description is served.
    app = FastAPI(
        title="Callplane",
        version="0.1.0",
        description=_ABOUT,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    install(app, _tell_servers)
    for noun in (*NOUNS, probes):
        app.include_router(noun.router)
    for router in further:
        app.include_router(router)
    mount_web(app)
    routes = [route for route in every(app.routes) if isinstance(route, APIRoute)]
    app.state.methods = [(compile_path(route.path)[0], route.methods) for route in routes]
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _tell_servers(request: Request, problem: Problem) -> None:
    services_of(request).refused_requests.tell(request, request.scope.get(CALLER), problem)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = describe(app, versioned_nouns())
    return app.openapi_schema


def versioned_nouns(further: Sequence[APIRouter] = ()) -> set[str]:
    """The first elements of the paths that have a version."""
    routers = [*(noun.router for noun in NOUNS), *further]
    return {noun_of(getattr(route, "path", "")) for router in routers for route in router.routes}
