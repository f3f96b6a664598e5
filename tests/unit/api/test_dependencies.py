"""What FastAPI does for every request before the route begins."""

import inspect
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase

from api.routes import connections, dead_letters, media_servers, messages, participants, sessions, signals, streams

NOUNS = (sessions, participants, connections, signals, messages, streams, media_servers, dead_letters)


def _all_of(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all_of(inner)


def test_every_dependency_is_a_coroutine() -> None:
    """FastAPI runs a plain function in a thread: that was five hops a request, and a poll's answer waited for them."""
    routes = [route for noun in NOUNS for route in noun.router.routes if isinstance(route, APIRoute)]
    calls = {one.call for route in routes for one in _all_of(route.dependant)}
    plain = {call for call in calls if not (isinstance(call, SecurityBase) or inspect.iscoroutinefunction(call))}
    assert len(calls) > len(NOUNS)
    assert plain == set()
