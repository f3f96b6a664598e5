"""Requests as the SDK makes them: repeated under one key while the trouble is one that passes, and counted."""

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

# The SDK's own times (web/sdk/http.js, web/sdk/backoff.js).
PATIENCE_SECONDS = 30.0
TRY_SECONDS = 15.0
BACK_OFF, MOST_BACK_OFF = 0.2, 5.0
POLL = "/v1/messages"
RETRYABLE = frozenset({429, 502, 503, 504})

# Longer than the SDK's browsers hold an idle connection: so many are still open when their pod goes away.
KEPT_SECONDS = 60.0


class GaveUp(Exception):
    """A request that came to no good end, however often it was repeated."""


@dataclass
class Requests:
    """What became of the requests."""

    asked: int = 0
    retried: int = 0
    """Requests that did not succeed at once."""
    trouble: Counter[str] = field(default_factory=Counter)
    """Status or error → how often a single try met it."""
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0
    """Seconds from the first try to success, polls left out."""

    def shown(self) -> dict[str, Any]:
        """As it is written down."""
        return vars(self)


class Patient:
    """Asks one address; usable wherever ``testkit.clients.participant.Pods`` is."""

    def __init__(self, client: httpx.AsyncClient, requests: Requests) -> None:
        self._client = client
        self._requests = requests

    async def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer of a request that succeeded at last; GaveUp after the SDK's patience, or for what is final."""
        if method in ("POST", "PATCH"):
            options["headers"] = {**options.get("headers", {}), "Idempotency-Key": secrets.token_hex(16)}
        self._requests.asked += 1
        began, attempt = time.monotonic(), 0
        while True:
            answer, trouble = await self._once(method, path, options)
            if answer is not None and answer.is_success:
                if path != POLL:
                    self._requests.slowest = max(self._requests.slowest, time.monotonic() - began)
                return answer
            self._requests.trouble[f"{trouble} to {method} {_kind(path)}"] += 1
            wait = _asked_for(answer) + _jittered(attempt)
            if not _passes(answer) or time.monotonic() - began + wait > PATIENCE_SECONDS:
                text = "" if answer is None else answer.text[:300]
                self._requests.failed.append(f"{method} {path}: {trouble} after {attempt + 1} tries {text}")
                raise GaveUp(self._requests.failed[-1])
            self._requests.retried += attempt == 0
            attempt += 1
            await asyncio.sleep(wait)

    async def _once(self, method: str, path: str, options: dict[str, Any]) -> tuple[httpx.Response | None, str]:
        patience = float(options.get("params", {}).get("wait", TRY_SECONDS - 8)) + 8
        try:
            answer = await self._client.request(method, path, timeout=patience, **options)
        except httpx.HTTPError as error:
            return None, type(error).__name__
        return answer, str(answer.status_code)


@asynccontextmanager
async def asking(url: str, requests: Requests) -> AsyncIterator[Patient]:
    """Somebody with connections of their own."""
    limits = httpx.Limits(keepalive_expiry=KEPT_SECONDS)
    async with httpx.AsyncClient(base_url=url, trust_env=False, limits=limits) as client:
        yield Patient(client, requests)


def _kind(path: str) -> str:
    """Of what kind a thing is: every second part of a path is an id."""
    return path.removeprefix("/v1").strip("/").split("/")[::2][-1]


def _passes(answer: httpx.Response | None) -> bool:
    """Whether the same request may well succeed later."""
    if answer is None:
        return True
    try:
        says = answer.json().get("retryable")
    except (ValueError, AttributeError):
        says = None
    return answer.status_code in RETRYABLE if says is None else bool(says)


def _asked_for(answer: httpx.Response | None) -> float:
    after = str(answer.headers.get("Retry-After", "")) if answer is not None else ""
    return float(after) if after.isdigit() else 0.0


def _jittered(attempt: int) -> float:
    ceiling = min(MOST_BACK_OFF, BACK_OFF * float(2 ** min(attempt, 16)))
    return ceiling / 4 + random.random() * ceiling * 0.75
