"""Rate limiter: token bucket per caller and kind of request, so that one takes nothing from others (design 8.3)."""

import ipaddress
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

from api.auth.credentials import Anonymous, Credential, KeyHolder, identity
from api.auth.quota_rates import QuotaRates
from api.auth.quotas import NOBODY, Payer, payer_of
from api.auth.token_bucket import SECONDS_AT_ONCE, Buckets, Rate
from api.settings import Settings
from callplane.contracts.ids import SessionId
from callplane.contracts.refusals.requests import too_many

Kind = Literal["requests", "candidates", "signals", "deliveries", "polls", "keys"]

SENDERS_AT_ONCE = 4
"""The senders of one session may together have so many times as much delivered as one of them."""

DELIVERED_BYTES = 2048
"""A signal of up to so much counts as one delivery to each who gets it, a longer one as several."""

UNDER_WAY = 128
"""Requests with a body that one caller may have under way: joining a full room is many, and each holds its body."""

CALLERS_KEPT = 20_000
"""Some 300 bytes each. Who is forgotten, because so many others came since, begins again with a full bucket."""


class RateLimits:
    """A bucket for each caller and kind of request; strangers have theirs apart, so that they push nobody out."""

    def __init__(
        self, settings: Settings, clock: Callable[[], float] = time.monotonic, quotas: QuotaRates | None = None
    ) -> None:
        """``quotas``: what tenants and identities may have beside; None: they are not bounded."""
        per_second: Mapping[Kind, float] = {
            "requests": settings.rate_requests,
            "candidates": settings.rate_candidates,
            "signals": settings.rate_signals,
            "deliveries": settings.rate_deliveries,
            "polls": settings.rate_polls,
            "keys": settings.rate_keys,
        }
        self._rates = {kind: Rate(rate, max(1.0, rate * SECONDS_AT_ONCE)) for kind, rate in per_second.items()}
        deliveries = self._rates["deliveries"]
        self._together = Rate(deliveries.per_second * SENDERS_AT_ONCE, deliveries.burst * SENDERS_AT_ONCE)
        self._callers = Buckets(clock, CALLERS_KEPT)
        self._sessions = Buckets(clock, CALLERS_KEPT)
        self._strangers = Buckets(clock, CALLERS_KEPT)
        self._under_way: Counter[str] = Counter()
        self._quotas = quotas

    def consume(self, credential: Credential, route: str, address: str) -> None:
        """One request of a caller that is known. Raises Refusal ``too-many-requests`` and ``quota-exceeded``."""
        self.charge(payer_of(credential))
        if isinstance(credential, Anonymous):
            # Only on the machine itself: a server of one's own, as good as a key.
            self._consume(self._callers, f"open:{address}", "keys")
            return
        kind = "keys" if isinstance(credential, KeyHolder) else kind_of(route)
        self._consume(self._callers, identity(credential), kind)

    def charge(self, payer: Payer) -> None:
        """One request that is taken from somebody's quotas. Raises Refusal ``quota-exceeded``."""
        if self._quotas is not None:
            self._quotas.consume(payer, "requests")

    def consume_stranger(self, address: str) -> None:
        """One request whose credential is not valid. Raises Refusal ``too-many-requests``."""
        self._consume(self._strangers, network_of(address), "requests")

    def under_way(self, credential: Credential) -> AbstractContextManager[None]:
        """One request whose body is read and held. Raises Refusal ``too-many-requests``; servers are not counted."""
        if isinstance(credential, KeyHolder | Anonymous):
            return nullcontext()
        return self._counted(identity(credential))

    @contextmanager
    def _counted(self, caller: str) -> Iterator[None]:
        _wait(self._under_way[caller] >= UNDER_WAY, "requests of one caller at once")
        self._under_way[caller] += 1
        try:
            yield
        finally:
            self._under_way[caller] -= 1
            if not self._under_way[caller]:
                del self._under_way[caller]

    def consume_deliveries(
        self, credential: Credential, session_id: SessionId, readers: int, size: int, *, payer: Payer = NOBODY
    ) -> None:
        """One signal of ``size`` bytes, which costs what its readers are given. Raises Refusal ``too-many-requests``
        and ``quota-exceeded``.

        Servers are as good as the operator: what they send is counted by request, and for the quotas of ``payer``.
        """
        deliveries = readers * (1 + size // DELIVERED_BYTES)
        if self._quotas is not None:
            self._quotas.consume(payer, "deliveries", deliveries)
        if isinstance(credential, KeyHolder | Anonymous):
            return
        cost = min(deliveries, self._rates["deliveries"].burst)
        self._consume(self._callers, identity(credential), "deliveries", cost)
        _wait(self._sessions.take(session_id, self._together, cost), "deliveries in one session")

    def _consume(self, buckets: Buckets, caller: str, kind: Kind, cost: float = 1) -> None:
        _wait(buckets.take(f"{kind} {caller}", self._rates[kind], cost), f"{kind} of one caller")


def _wait(seconds: float, what: str) -> None:
    if seconds > 0:
        raise too_many(what, seconds)


def kind_of(route: str) -> Kind:
    """Which bucket a route's requests come out of: a flood of candidates must not stop a leave."""
    if route.startswith("/messages"):
        return "polls"
    if route.endswith("/candidates"):
        return "candidates"
    return "signals" if route.endswith("/signals") else "requests"


def network_of(address: str) -> str:
    """An address as one caller: whoever has an IPv6 address has its whole /64 (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
