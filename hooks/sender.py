"""Sender of webhooks: one attempt, bounded in time and bytes, and what came of it in words that can be shown."""

import asyncio
import email.utils
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpcore
import httpx

from callplane.contracts.webhooks import Hosts
from hooks.transport import ForbiddenAddress, JudgedTransport

READ_BYTES = 64 * 1024
"""Of an answer's body, so that its connection can be used again; beyond that it is closed."""
BODY_SECONDS = 1.0
"""For the same: the status has said all that counts."""
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of an attempt: the status, if there was one; what else happened; and what the receiver said of when to come."""

    status: int | None
    error: str | None = None
    retry_after: float | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more."""
        return self.status == GONE


class Sender:
    """Posts to endpoints."""

    def __init__(self, client: httpx.AsyncClient, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    async def send(self, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
        """One attempt; whatever the receiver does it ends within ``seconds``."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, body, headers)
        except TimeoutError:
            return Outcome(None, f"no answer within {self._seconds:g} s")
        except ForbiddenAddress:
            return Outcome(None, "its name leads to an address that webhooks may not be sent to")
        except ssl.SSLCertVerificationError as wrong:
            return Outcome(None, f"its certificate does not fit: {wrong.verify_message}")
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
            return Outcome(None, _connecting(failure))
        except (httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError, httpcore.ProtocolError) as failure:
            return Outcome(None, f"the connection broke off: {type(failure).__name__}")
        except (httpcore.TimeoutException, httpcore.UnsupportedProtocol, OSError) as failure:
            return Outcome(None, f"it cannot be reached: {type(failure).__name__}")

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
        request = self._client.build_request(
            "POST", url, content=body, headers={**headers, "content-type": CONTENT_TYPE}
        )
        answer = await self._client.send(request, stream=True)
        try:
            await _drain(answer)
        finally:
            await answer.aclose()
        error = f"a redirect, which is not followed: {answer.status_code}" if answer.is_redirect else None
        return Outcome(answer.status_code, error, retry_after(answer.headers.get("retry-after"), datetime.now(UTC)))


async def _drain(answer: httpx.Response) -> None:
    """Read what is there, within bounds: what is left unread closes the connection."""
    read = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in answer.stream:  # type: ignore[union-attr]
                read += len(part)
                if read > READ_BYTES:
                    return
    except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        return


def _connecting(failure: Exception) -> str:
    cause = failure.__cause__ or failure.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate does not fit: {cause.verify_message}"
    return "it cannot be connected to"


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        when = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):  # also of a time zone of twenty digits
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


@asynccontextmanager
async def open_sender(hosts: Hosts, seconds: float, context: ssl.SSLContext | None = None) -> AsyncIterator[Sender]:
    """The client of the whole program; it follows no redirect and asks no proxy of the environment."""
    transport = JudgedTransport(hosts, context or ssl.create_default_context())
    timeouts = httpx.Timeout(seconds)
    async with httpx.AsyncClient(
        transport=transport,
        timeout=timeouts,
        follow_redirects=False,
        trust_env=False,
        headers={"user-agent": "Callplane"},
    ) as client:
        yield Sender(client, seconds)
