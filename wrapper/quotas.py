"""Quotas: a place is reserved before what takes it is made, where the caller's are bounded, and nothing is asked where
they are not.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Refusal
from callplane.contracts.quotas import Counted
from callplane.contracts.refusals.requests import quota_exceeded
from callplane.store.quota_uses import QuotaUse
from wrapper.context import Context


@asynccontextmanager
async def reserved(
    what: str, envelope: Envelope, identity: str | None, context: Context, is_there: Callable[[], Awaitable[bool]]
) -> AsyncIterator[None]:
    """Make it (``sessions`` or ``seats``) within the block. Raises Refusal ``quota-exceeded``, unless an attempt of
    before has made it.
    """
    uses = _bounded(what, envelope, identity)
    entered: list[QuotaUse] = []
    try:
        for use, most in uses:
            if await context.store.quota_uses.reserve(use, most, envelope.deadline):
                entered.append(use)
            elif not await is_there():
                raise quota_exceeded(use.quota, most)
        yield
    except Refusal:
        for use in entered:
            await context.store.quota_uses.release(use)
        raise


def _bounded(what: str, envelope: Envelope, identity: str | None) -> list[tuple[QuotaUse, int]]:
    quotas = envelope.caller.quotas
    if quotas is None:
        return []
    owners: dict[Counted, str | None]
    if what == "sessions":
        owners = {"sessions": envelope.caller.tenant, "identity_sessions": identity}
    else:
        owners = {"seats": envelope.caller.tenant, "identity_seats": identity}
    return [
        (QuotaUse(quota, owner, envelope.id, envelope.session_id), int(most))
        for quota, owner in owners.items()
        if owner is not None and (most := quotas.of(quota))
    ]
