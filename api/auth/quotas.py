"""Quotas as one pod knows them: settings' defaults, and what operators have set for tenants, read again each second."""

import asyncio
from dataclasses import dataclass

from api.auth.credentials import OPEN_ACCESS, Anonymous, Credential, KeyHolder
from api.auth.stored_keys import FOLLOW_SECONDS, READ_WITHIN
from api.auth.tokens import AccessToken, SeatToken
from api.settings import Settings
from callplane.contracts.ids import ParticipantId
from callplane.contracts.quotas import Quotas
from callplane.store.documents import Roster
from callplane.store.quotas import StoredQuotas, TenantQuotas


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose quotas something is taken from; None: nobody's."""

    tenant: str | None
    identity: str | None = None


NOBODY = Payer(None)


class QuotasInForce:
    """Those of the last look; while the database is away, what it said last goes on."""

    def __init__(self, settings: Settings, stored: StoredQuotas) -> None:
        self.defaults = settings.quotas
        self._stored = stored
        self._tenants: dict[str, Quotas] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            await self.follow()

    async def follow(self) -> None:
        """Read all of them. Raises Unavailable."""
        async with asyncio.timeout(READ_WITHIN):
            self._tenants = {one.tenant: self.over_defaults(one) for one in await self._stored.all()}

    def over_defaults(self, own: TenantQuotas) -> Quotas:
        """What is in force for a tenant that has these."""
        return own.over(self.defaults)

    def of(self, tenant: str | None) -> Quotas:
        """What is in force for this one."""
        return self.defaults if tenant is None else self._tenants.get(tenant, self.defaults)

    def bounding(self, credential: Credential) -> Quotas | None:
        """What bounds how much a caller's commands may make; None: nothing does."""
        quotas = self.of(payer_of(credential).tenant)
        return quotas if quotas.counts else None


def payer_of(credential: Credential) -> Payer:
    """Whose quotas a request is taken from; a seat's is known when its session is read."""
    match credential:
        case KeyHolder(tenant=tenant):
            return Payer(tenant)
        case AccessToken(tenant=tenant, issuer=issuer, subject=subject):
            return Payer(tenant, f"{issuer}:{subject}")
        case Anonymous():
            return Payer(OPEN_ACCESS)
        case SeatToken():
            return NOBODY


def payer_in(roster: Roster, sender: ParticipantId | None) -> Payer:
    """Whose quotas a signal in a session is taken from: its sender's, or of a server (None) the tenant's alone."""
    seat = None if sender is None else roster.any_seat(sender)
    return Payer(roster.tenant, None if seat is None else seat.identity)
