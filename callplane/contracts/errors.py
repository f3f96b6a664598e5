"""Errors: refusals, with the code and status that HTTP shows (design 8.4), and what is tried again (design 3.4)."""

from typing import Any, Literal, Self

from callplane.contracts.model import Wire

Code = Literal[
    "bad-request",
    "unauthorized",
    "forbidden",
    "kicked",
    "not-found",
    "method-not-allowed",
    "session-full",
    "session-closed",
    "settings-differ",
    "poll-replaced",
    "wrong-state",
    "join-again",
    "stale-version",
    "too-large",
    "head-too-large",
    "unsupported-media-type",
    "invalid",
    "invalid-sdp",
    "key-reused",
    "too-many-requests",
    "quota-exceeded",
    "unavailable",
    "internal",
]

STATUS: dict[str, int] = {
    "bad-request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "kicked": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "session-full": 409,
    "session-closed": 409,
    "settings-differ": 409,
    "poll-replaced": 409,
    "wrong-state": 409,
    "join-again": 410,
    "stale-version": 412,
    "too-large": 413,
    "head-too-large": 431,
    "unsupported-media-type": 415,
    "invalid": 422,
    "invalid-sdp": 422,
    "key-reused": 422,
    "too-many-requests": 429,
    "quota-exceeded": 429,
    "unavailable": 503,
    "internal": 500,
}

TITLES: dict[str, str] = {
    "bad-request": "The request cannot be understood",
    "unauthorized": "A valid credential is needed",
    "forbidden": "This credential is for something else",
    "kicked": "This participant was removed from the session",
    "not-found": "There is no such thing",
    "method-not-allowed": "This method does not exist here",
    "session-full": "The session has no free seat",
    "session-closed": "The session is closed",
    "settings-differ": "The session that has this custom id has other settings",
    "poll-replaced": "A newer poll of the same mailbox took over",
    "wrong-state": "The present state does not allow this",
    "join-again": "The seat is gone; join again",
    "stale-version": "The session has changed since",
    "too-large": "The request is too large",
    "head-too-large": "The head of the request is too large",
    "unsupported-media-type": "The body is of another type",
    "invalid": "The request is not valid",
    "invalid-sdp": "The SDP offer is not acceptable",
    "key-reused": "The idempotency key was used with another request",
    "too-many-requests": "Too many requests",
    "quota-exceeded": "A quota is used up",
    "unavailable": "The service cannot do this right now",
    "internal": "Something went wrong on our side",
}

TYPE = "urn:callplane:problem:"

RETRYABLE = frozenset({"unavailable", "too-many-requests"})


class Problem(Wire):
    """A refusal as it travels in a reply or an ``error`` message; HTTP adds type, title, status and request id."""

    code: Code
    detail: str = ""
    reason: str | None = None
    retry_after: int | None = None
    limit: float | None = None

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return STATUS[self.code]

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without any change by the caller."""
        return self.code in RETRYABLE or (self.code == "quota-exceeded" and self.retry_after is not None)

    def as_problem(self) -> dict[str, Any]:
        """The members of an RFC 9457 body that belong to the problem itself; an unknown reason is left out."""
        more = {"reason": self.reason, "limit": self.limit}
        return {
            "type": TYPE + self.code,
            "title": TITLES[self.code],
            "status": self.status,
            "detail": self.detail or f"{TITLES[self.code]}.",
            "code": self.code,
            "retryable": self.retryable,
            **{name: said for name, said in more.items() if said is not None and said != ""},
        }


class Refusal(Exception):
    """Raised where a caller is refused; turned into a reply by the bus and into HTTP by ``api/http/problems.py``."""

    def __init__(self, code: Code, detail: str = "", **more: Any) -> None:
        super().__init__(f"{code}: {detail}")
        self.problem = Problem(code=code, detail=detail or f"{TITLES[code]}.", **more)

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """The refusal that another program, or another pod, has written down."""
        return cls(**problem.model_dump())


class Trouble(Exception):
    """An operational fault: the command is tried again after a second and counted (design 3.4)."""


class NodeDown(Trouble):
    """A queue that is needed lives on a node of the broker that is down: an outage of that queue only (design 10)."""


class Busy(Exception):
    """A living claim of somebody else: the command is tried again after a second and not counted (design 3.4)."""


class Elsewhere(Busy):
    """Others reach the media server that the command needs, and this wrapper does not: it is passed on to them."""

    def __init__(self, server: str) -> None:
        super().__init__(f"others reach {server}")
        self.server = server


class Unavailable(Exception):
    """Store or broker cannot be reached: nothing is counted, the consumer pauses (design 3.4)."""
