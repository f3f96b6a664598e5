"""Direct answers: requests served past the framework, whose layers cost more than the work; errors as it tells them."""

from collections.abc import Awaitable
from typing import TypeVar, cast
from urllib.parse import parse_qsl

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Scope

Query = TypeVar("Query", bound=BaseModel)
Answer = TypeVar("Answer", Response, Response | None)


def query_of(scope: Scope, kind: type[Query]) -> Query | None:
    """What a request says of itself; None where that cannot be read."""
    try:
        return kind.model_validate(dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)))
    except ValueError:
        return None


async def answered(app: FastAPI, http: HTTPConnection, work: Awaitable[Answer]) -> Answer | Response:
    """The answer of the work, or that of the handler which the framework has of us for what it raises.

    Raises what there is no handler for: a bug, of which the edge tells.
    """
    try:
        return await work
    except Exception as error:
        handlers = app.exception_handlers
        known = next((kind for kind in type(error).__mro__[:-3] if kind in handlers), None)
        if known is None:
            raise
        return await cast(Awaitable[Response], handlers[known](cast(Request, http), error))
