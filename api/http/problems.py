"""Problem bodies (RFC 9457): make HTTP of every error, here and nowhere else."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.http.disconnects import ClientDisconnected
from api.http.versions import asked_at
from callplane.contracts.errors import Code, Problem, Refusal, Trouble, Unavailable
from callplane.store.decoding import Unreadable
from callplane.telemetry.logs import logger

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1
MISTAKES = 20
_UNPARSABLE = "There was an error parsing the body"


class Mistake(BaseModel):
    """One thing that is not valid in a request."""

    at: str = Field(description="where: `body`, `query` or `header`, and the fields within, with points between")
    detail: str = Field(description="what is wrong there")


class ProblemBody(BaseModel):
    """The body of every refusal, as OpenAPI shows it."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="a URN that names the kind of problem")
    title: str = Field(description="the kind of problem in words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what was refused, and what to do")
    instance: str = Field(description="the path that was asked for")
    code: Code = Field(description="the kind of problem, for programs")
    request_id: str = Field(description="also in the header X-Request-Id and in the logs")
    retryable: bool = Field(description="whether the same request may succeed later")
    reason: str | None = Field(
        default=None, description="why: with `join-again`, `session-closed`, `wrong-state`; which quota is exceeded"
    )
    limit: float | None = Field(default=None, description="with `quota-exceeded`: how much that quota is")
    errors: list[Mistake] | None = Field(default=None, description="with `invalid`: what is wrong, up to 20 of it")


def body_of(problem: Problem, scope: Scope) -> dict[str, Any]:
    """The members of a problem body: the problem's own, and those of the request."""
    return {
        **problem.as_problem(),
        "instance": asked_at(scope, scope.get("path", "")),
        "request_id": scope.get("callplane.request_id", ""),
    }


def response_of(problem: Problem, scope: Scope, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """A problem as HTTP, with the headers that its status asks for, and more ``members`` of its body."""
    more = dict(headers or {})
    if problem.retryable:
        more["Retry-After"] = str(problem.retry_after or RETRY_AFTER)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"  # RFC 9110, 15.5.2: a 401 names a challenge.
    content = json.dumps({**body_of(problem, scope), **members}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, problem.status, more, MEDIA_TYPE)


Tell = Callable[[Request, Problem], None]
"""Is told what a request is refused with."""


def _nobody(_request: Request, _problem: Problem) -> None:
    """Told of it."""


def install(app: FastAPI, tell: Tell = _nobody) -> None:
    """Give every kind of error its problem body."""
    app.add_exception_handler(Refusal, partial(_refused, tell))
    app.add_exception_handler(Unavailable, _away)
    app.add_exception_handler(Trouble, _away)
    app.add_exception_handler(Unreadable, _unreadable)
    app.add_exception_handler(ClientDisconnected, _unheard)
    app.add_exception_handler(RequestValidationError, partial(_invalid, tell))
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _bug)


async def _refused(tell: Tell, request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    tell(request, error.problem)
    return response_of(error.problem, request.scope)


async def _away(request: Request, error: Exception) -> Response:
    logger("api").warning("away", trouble=str(error))
    return response_of(Problem(code="unavailable"), request.scope)


async def _unreadable(request: Request, error: Exception) -> Response:
    logger("api").error("unreadable", why=str(error))
    detail = "What is stored of it cannot be read. An operator can see and remove it."
    return response_of(Problem(code="internal", detail=detail), request.scope)


async def _invalid(tell: Tell, request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first, *_ = mistakes = error.errors()
    place = [str(part) for part in first["loc"]]
    if place[0] == "path":
        return response_of(Problem(code="not-found"), request.scope)
    tell(request, Problem(code="invalid"))
    if first["type"] == "json_invalid":
        return response_of(Problem(code="invalid", detail="The body is not JSON."), request.scope)
    told = [_mistake(one) for one in mistakes[:MISTAKES]]
    detail = f"The request is not valid at {told[0].at}: {told[0].detail}"[:1000]
    problem = Problem(code="invalid", detail=f"{detail}.")
    return response_of(problem, request.scope, errors=[one.model_dump() for one in told])


def _mistake(error: dict[str, Any]) -> Mistake:
    said = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return Mistake(at=".".join(map(str, error["loc"]))[:200], detail=said[:1000])


class _NoAnswer(Response):
    """Nothing, to nobody."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing."""


async def _unheard(request: Request, error: Exception) -> Response:
    return _NoAnswer()


async def _bug(request: Request, error: Exception) -> Response:
    """Starlette raises it again behind this answer, and the edge logs it."""
    return response_of(Problem(code="internal"), request.scope)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request)):
        headers["Allow"] = ", ".join(sorted(methods))  # the framework names those of one route of several
    return response_of(_problem_of(error), request.scope, headers)


def _methods(request: Request) -> set[str]:
    """All that its path knows (RFC 9110, 10.2.1); HEAD is known where GET is, but for the mailbox."""
    path = request.scope["path"]
    known = {method for route, of in request.app.state.methods if route.fullmatch(path) for method in of}
    return known | ({"HEAD"} if "GET" in known and not path.startswith("/messages") else set())


def _problem_of(error: HTTPException) -> Problem:
    # A body that json.loads gives up on (too deep, not UTF-8, a number of a million digits) is a plain 400 to FastAPI.
    if error.status_code == HTTPStatus.BAD_REQUEST and error.detail == _UNPARSABLE:
        return Problem(code="invalid", detail="The body cannot be read as JSON.")
    match error.status_code:
        case 401:
            return Problem(code="unauthorized")
        case 403:
            return Problem(code="forbidden")
        case 404:
            return Problem(code="not-found")
        case 405:
            return Problem(code="method-not-allowed")
        case 413:
            return Problem(code="too-large")
        case 422:
            return Problem(code="invalid", detail=error.detail)
        case status if status < 500:
            return Problem(code="bad-request", detail=error.detail)
        case 503:
            return Problem(code="unavailable")
        case _:
            return Problem(code="internal")
