"""Rate limiter: token bucket per caller and kind of request, so that one takes nothing from others (design 8.3)."""

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from api.auth.credentials import Anonymous, Credential, KeyHolder, identity
from api.auth.token_bucket import Bucket, Rate
from api.settings import Settings
from callplane.contracts.ids import SessionId
from callplane.contracts.refusals.requests import too_many

Kind = Literal["requests", "candidates", "signals", "deliveries", "polls", "keys"]

SECONDS_AT_ONCE = 10
"""What a caller may ask for in that many seconds, it may ask for at once: joining a full room is a burst."""

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

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
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
        self._callers = _Buckets(clock)
        self._sessions = _Buckets(clock)
        self._strangers = _Buckets(clock)
        self._under_way: Counter[str] = Counter()

    def consume(self, credential: Credential, route: str, address: str) -> None:
        """One request of a caller that is known. Raises Refusal ``too-many-requests``."""
        if isinstance(credential, Anonymous):
            # Only on the machine itself: a server of one's own, as good as a key.
            self._consume(self._callers, f"open:{address}", "keys")
            return
        kind = "keys" if isinstance(credential, KeyHolder) else kind_of(route)
        self._consume(self._callers, identity(credential), kind)

    def consume_stranger(self, address: str) -> None:
        """One request whose credential is not valid. Raises Refusal ``too-many-requests``."""
        self._consume(self._strangers, network_of(address), "requests")

    @contextmanager
    def under_way(self, credential: Credential) -> Iterator[None]:
        """One request whose body is read and held. Raises Refusal ``too-many-requests``; servers are not counted."""
        if isinstance(credential, KeyHolder | Anonymous):
            yield
            return
        caller = identity(credential)
        _wait(self._under_way[caller] >= UNDER_WAY, "requests of one caller at once")
        self._under_way[caller] += 1
        try:
            yield
        finally:
            self._under_way[caller] -= 1
            if not self._under_way[caller]:
                del self._under_way[caller]

    def consume_deliveries(self, credential: Credential, session_id: SessionId, readers: int, size: int) -> None:
        """One signal of ``size`` bytes, which costs what its readers are given. Raises Refusal ``too-many-requests``.

        Servers are as good as the operator: what they send is counted by request.
        """
        if isinstance(credential, KeyHolder | Anonymous):
            return
        cost = min(readers * (1 + size // DELIVERED_BYTES), self._rates["deliveries"].burst)
        self._consume(self._callers, identity(credential), "deliveries", cost)
        _wait(self._sessions.take(session_id, self._together, cost), "deliveries in one session")

    def _consume(self, buckets: "_Buckets", caller: str, kind: Kind, cost: float = 1) -> None:
        _wait(buckets.take(f"{kind} {caller}", self._rates[kind], cost), f"{kind} of one caller")


class _Buckets:
    """So many buckets; the one that was used longest ago makes room."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str, rate: Rate, cost: float = 1) -> float:
        """Take so many; the seconds to wait when there are not enough."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket()
            if len(self._buckets) > CALLERS_KEPT:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        return bucket.take(rate, self._clock(), cost)

    def __len__(self) -> int:
        return len(self._buckets)


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
