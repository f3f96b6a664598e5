"""OpenAPI answers: describes every problem that a route can give, with an example of each."""

from typing import Any

from api.http.problems import MEDIA_TYPE, ProblemBody
from callplane.contracts.errors import RETRYABLE, STATUS, TITLES, TYPE, Code

COMMON_PROBLEMS: tuple[Code, ...] = (
    "unauthorized",
    "forbidden",
    "invalid",
    "too-large",
    "head-too-large",
    "unsupported-media-type",
    "too-many-requests",
    "quota-exceeded",
    "internal",
    "unavailable",
)
SEAT_PROBLEMS: tuple[Code, ...] = ("not-found", "kicked", "join-again", "session-closed")

Responses = dict[int | str, dict[str, Any]]


def problems(*codes: Code) -> Responses:
    """The ``responses`` of a route that may refuse with these codes, besides those that any route has."""
    by_status: dict[int, list[Code]] = {}
    for code in dict.fromkeys((*COMMON_PROBLEMS, *codes)):
        by_status.setdefault(STATUS[code], []).append(code)
    return {status: _response(status, of) for status, of in sorted(by_status.items())}


def headed(status: int, *names: str) -> Responses:
    """The headers that a success carries."""
    known = {
        "Location": "the path of what was made",
        "ETag": "the session's version in quotes, for `If-Match`",
    }
    headers = {name: {"description": known[name], "schema": {"type": "string"}} for name in names}
    return {status: {"headers": headers}}


def _response(status: int, codes: list[Code]) -> dict[str, Any]:
    examples = {code: {"summary": TITLES[code], "value": _example(code)} for code in codes}
    schema = {"$ref": "#/components/schemas/Problem"}
    answer: dict[str, Any] = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }
    if any(code in RETRYABLE for code in codes):
        seconds = {"description": "seconds to wait", "schema": {"type": "integer"}}
        answer["headers"] = {"Retry-After": seconds}
    return answer


def _example(code: Code) -> dict[str, Any]:
    body = ProblemBody(
        type=TYPE + code,
        title=TITLES[code],
        status=STATUS[code],
        detail=f"{TITLES[code]}.",
        instance="/v1/sessions",
        code=code,
        request_id="01980000-0000-7000-8000-000000000000",
        retryable=code in RETRYABLE,
        reason={"join-again": "connection-lost", "quota-exceeded": "sessions"}.get(code),
        limit=50 if code == "quota-exceeded" else None,
    )
    return body.model_dump(exclude_none=True)
