"""Quotas: how much of what all share one tenant, and one identity, may have; 0 is no bound."""

from typing import Literal

from callplane.contracts.model import Wire

QuotaName = Literal[
    "sessions",
    "seats",
    "requests",
    "deliveries",
    "identity_sessions",
    "identity_seats",
    "identity_requests",
    "identity_deliveries",
]
"""Of a tenant, or (``identity_``) of each identity in it."""

Counted = Literal["sessions", "seats", "identity_sessions", "identity_seats"]
"""Those of what is there at one time; the others are of what may happen in a second."""


class Quotas(Wire):
    """What a tenant is given; ``requests`` and ``deliveries`` are a second, on each pod."""

    sessions: int = 0
    seats: int = 0
    requests: float = 0
    deliveries: float = 0
    identity_sessions: int = 0
    identity_seats: int = 0
    identity_requests: float = 0
    identity_deliveries: float = 0

    def of(self, name: QuotaName) -> float:
        """The bound of this name."""
        bound: float = getattr(self, name)
        return bound

    @property
    def counts(self) -> bool:
        """Whether anything is bounded that is counted."""
        return bool(self.sessions or self.seats or self.identity_sessions or self.identity_seats)
