"""What a route declares in its signature, and what FastAPI does for every request before the route begins."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, get_args, get_type_hints

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security.base import SecurityBase
from starlette.routing import BaseRoute, Mount, Route

from api.auth.permissions import Permissions
from api.dependencies import PUBLIC, ApiRequest, allowed, permission_of, public
from api.metrics import Metrics
from api.routing import routed
from api.services import Provided, Services, provided

FILES = {"/page", "/sdk", "/console", "/openapi.json"}
"""Paths that no route of ours serves: files that everybody may read, and what the framework tells of all others."""

OperatorRequest = Annotated[ApiRequest, allowed(Permissions.operate)]


def _every(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        router = getattr(route, "original_router", None)
        yield from [route] if router is None else _every(router.routes)


def _all_of(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all_of(inner)


def _asks(endpoint: Callable[..., Any], permission: str) -> bool:
    """Whether its code calls ``permit``, naming this permission where it names one."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(endpoint)))
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and ast.unparse(one.func) == "request.permit"]
    named = {name for one in calls for arg in one.args if (name := ast.unparse(arg)).startswith("Permissions.")}
    return bool(calls) and named <= {f"Permissions.{permission}"}


def undeclared(app: FastAPI) -> set[str]:
    """The routes that do not say who may call them, or do not ask for it."""
    found = set()
    for route in _every(app.routes):
        if not isinstance(route, APIRoute | APIWebSocketRoute):
            assert isinstance(route, Mount | Route)
            found |= {route.path} - FILES
            continue
        calls = [one.call for one in _all_of(route.dependant)]
        declared = [permission for call in calls if (permission := permission_of(call)) is not None]
        if public in calls:
            is_declared = not declared
        else:
            is_declared = len(declared) == 1 and _asks(route.endpoint, declared[0].__name__)
        found |= set() if is_declared else {route.path}
    return found


def test_every_route_declares_who_may_call_it_and_asks_that() -> None:
    assert len(list(_every(routed().routes))) > 30
    assert undeclared(routed()) == set()


router = APIRouter()


@router.get("/nothing-said")
async def nothing_said() -> None:
    """No permission at all."""


@router.websocket("/nothing-said-of-a-socket")
async def nothing_said_of_a_socket(_: WebSocket) -> None:
    """Nor here."""


@router.get("/declared-and-not-asked")
async def declared_and_not_asked(request: OperatorRequest) -> None:
    """Anybody gets here."""


@router.get("/another-asked")
async def another_asked(request: OperatorRequest) -> None:
    """Not what it declares."""
    request.permit(Permissions.list_sessions)


@router.get("/public-and-not", dependencies=[PUBLIC])
async def public_and_not(request: OperatorRequest) -> None:
    """Both."""
    request.permit(Permissions.operate)


@router.get("/well", dependencies=[PUBLIC])
async def well() -> None:
    """Declared."""


@router.get("/operated")
async def operated(request: OperatorRequest) -> None:
    """Declared and asked."""
    request.permit(Permissions.operate)


def test_one_that_does_not_is_found() -> None:
    app = FastAPI(docs_url=None, redoc_url=None)
    app.include_router(router)
    assert undeclared(app) == {
        "/nothing-said",
        "/nothing-said-of-a-socket",
        "/declared-and-not-asked",
        "/another-asked",
        "/public-and-not",
    }


def test_nothing_but_what_is_declared_can_be_asked() -> None:
    request = ApiRequest(*[None] * 3, Permissions.operate, *[None] * 3)  # type: ignore[arg-type, call-arg]
    with pytest.raises(LookupError):
        request.permit(Permissions.list_sessions)


def mistaken(endpoint: Callable[..., Any]) -> dict[str, str]:
    """Its parameters that are no service, or one of another type than they say: no type checker sees that."""
    services = get_type_hints(Services)
    found = {}
    for parameter, hint in get_type_hints(endpoint, include_extras=True).items():
        for told in get_args(hint)[1:]:
            given = told.dependency if isinstance(told, Depends) else None
            if isinstance(given, Provided) and services.get(given.name) is not get_args(hint)[0]:
                found[parameter] = given.name
    return found


def test_what_a_route_is_given_is_the_service_that_it_says() -> None:
    routes = [route for route in _every(routed().routes) if isinstance(route, APIRoute | APIWebSocketRoute)]
    calls = [one.call for route in routes for one in _all_of(route.dependant)]
    assert sum(isinstance(call, Provided) for call in calls) > 15
    assert [wrong for route in routes if (wrong := mistaken(route.endpoint))] == []


async def wrongly_given(
    metrics: Annotated[Metrics, provided("tickets")],
    nothing: Annotated[Metrics, provided("metric")],
    right: Annotated[Metrics, provided("metrics")],
) -> None:
    """Two that a route would fail with."""


def test_one_that_is_not_is_found() -> None:
    assert mistaken(wrongly_given) == {"metrics": "tickets", "nothing": "metric"}


def test_every_dependency_is_a_coroutine() -> None:
    """FastAPI runs a plain function in a thread: that was five hops a request, and a poll's answer waited for them."""
    routes = [route for route in _every(routed().routes) if isinstance(route, APIRoute)]
    calls = {one.call for route in routes for one in _all_of(route.dependant)}
    plain = {call for call in calls if not (isinstance(call, SecurityBase) or _is_coroutine(call))}
    assert len(calls) > len(routes)
    assert plain == set()


def _is_coroutine(call: Any) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)
