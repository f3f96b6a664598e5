"""Quota rates: token bucket per tenant and per identity, of what they may have in a second on this pod."""

import time
from collections.abc import Callable
from typing import Literal

from api.auth.quotas import Payer
from api.auth.token_bucket import SECONDS_AT_ONCE, Buckets, Rate
from callplane.contracts.quotas import QuotaName, Quotas
from callplane.contracts.refusals.requests import quota_exceeded

OWNERS_KEPT = 20_000
Flow = Literal["requests", "deliveries"]


class QuotaRates:
    """A bucket for each tenant and each identity that is bounded."""

    def __init__(
        self,
        quotas: Callable[[str | None], Quotas],
        exceeded: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quotas = quotas
        self._exceeded = exceeded
        """Is told the name of each quota that refuses."""
        self._buckets = Buckets(clock, OWNERS_KEPT)

    def consume(self, payer: Payer, flow: Flow, cost: float = 1) -> None:
        """Take so much of both. Raises Refusal ``quota-exceeded``."""
        if payer.tenant is None:
            return
        quotas = self._quotas(payer.tenant)
        self._take(flow, payer.tenant, quotas, cost)
        if payer.identity is not None:
            self._take(_of_identity(flow), payer.identity, quotas, cost)

    def _take(self, name: QuotaName, owner: str, quotas: Quotas, cost: float) -> None:
        if not (most := quotas.of(name)):
            return
        rate = Rate(most, max(1.0, most * SECONDS_AT_ONCE))
        if (seconds := self._buckets.take(f"{name} {owner}", rate, cost)) > 0:
            self._exceeded(name)
            raise quota_exceeded(name, most, seconds)


def _of_identity(flow: Flow) -> QuotaName:
    return "identity_requests" if flow == "requests" else "identity_deliveries"
