"""Idle sessions: closes those that nobody came to, or that everybody left, when their time is over."""

from callplane.contracts.ids import SessionId
from callplane.contracts.reasons import SessionReason
from wrapper.context import Context
from wrapper.sweeps.items import Items

LEASE = "deserted"


class IdleSessions:
    """Acts on the times that the sessions themselves have written down."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._items = Items(LEASE, context.metrics)

    async def sweep(self) -> None:
        """Close sessions that nobody came to, or that everybody left, when their time is over."""
        sessions = self._context.store.sessions

        async def close(which: tuple[SessionId, SessionReason]) -> None:
            self._context.follow_ups.schedule(await sessions.close_deserted(*which))

        due = {session: (session, reason) for session, reason in await sessions.due_to_close()}
        await self._items.each(due, close, lambda which: sessions.put_off(which[0]))
