"""Errors of the client: a refusal with its problem, and what could not be reached."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

PASSES = frozenset({"unavailable", "too-many-requests"})
"""Codes of what may succeed later, for an end that says no more than its code."""

GATEWAYS = frozenset({429, 502, 503, 504})
"""Statuses of proxies before an API that is being replaced; they bring no problem."""

GONE = frozenset({"join-again", "kicked", "session-closed"})
"""Codes by which a seat is told that it is none any more."""


class CallplaneError(Exception):
    """The base of everything that the client raises."""

    retryable = False
    """Whether the same request may succeed later; the client has repeated it for as long as its patience was."""

    retry_after: float | None = None
    """Seconds after which the server wants to be asked again, where it said so."""


class Unreachable(CallplaneError):
    """No answer: the network, a deadline, or a proxy that speaks for an API which is away."""

    retryable = True

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class Refused(CallplaneError):
    """The API's answer to what it does not do (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.code = str(problem.get("code") or f"http-{status}")
        """What went wrong, for programs: ``session-full``, ``not-found``, …"""
        self.title = str(problem.get("title") or self.code)
        self.detail = str(problem.get("detail") or self.title)
        """What went wrong, for people."""
        self.reason: str | None = problem.get("reason")
        """Why, with ``join-again``, ``session-closed`` and ``wrong-state``."""
        self.request_id: str | None = problem.get("request_id")
        """Under which the logs of the API and its wrappers say more."""
        self.problem = dict(problem)
        self.retryable = bool(problem.get("retryable", self.code in PASSES))
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {self.detail}")

    @property
    def is_gone(self) -> bool:
        """Whether it says that the seat is none any more."""
        return self.status == 410 or self.code in GONE


def refusal(status: int, headers: Mapping[str, str], text: bytes) -> CallplaneError:
    """What an answer that is no success means; one without a problem is of somebody between."""
    retry_after = seconds(headers.get("retry-after"))
    try:
        problem = json.loads(text)
    except ValueError:
        problem = None
    if isinstance(problem, dict) and ("code" in problem or "title" in problem):
        return Refused(status, problem, retry_after)
    if status in GATEWAYS:
        return Unreachable(f"HTTP {status} without a problem: a proxy answered", retry_after)
    return Refused(status, {"title": f"The server answered {status}"}, retry_after)


def stream_refusal(status: int, headers: Mapping[str, str], text: bytes) -> CallplaneError:
    """Why no stream was opened; without a problem it is somebody between who lets none through, which may change."""
    found = refusal(status, headers, text)
    return found if "code" in getattr(found, "problem", {}) else Unreachable(str(found), found.retry_after)


def closed_because(code: int, words: str) -> Refused | None:
    """Why a socket was closed: 4000 + the status of a problem, its code and, behind a colon, the reason."""
    if not 4400 <= code <= 4599:
        return None
    problem, _, reason = words.partition(": ")
    return Refused(code - 4000, {"code": problem, "reason": reason or None})


def seconds(value: str | None) -> float | None:
    """``Retry-After`` is a number of seconds or a date (RFC 9110, 10.2.3); what is neither says nothing."""
    if not value:
        return None
    said = value.strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
