"""Direct answers: requests served past the framework, whose layers cost more than the work; errors as it tells them."""

from collections.abc import Awaitable
from typing import cast

from fastapi import FastAPI, Request
from starlette.responses import Response


async def answered(app: FastAPI, http: Request, work: Awaitable[Response]) -> Response:
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
        return await cast(Awaitable[Response], handlers[known](http, error))
