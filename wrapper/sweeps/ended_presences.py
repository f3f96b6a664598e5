"""Ended presences: who said something until a time is available again when that is over."""

from callplane.contracts.ids import SessionId
from callplane.store.presences import is_over
from callplane.store.views import participant_view
from wrapper.context import Context
from wrapper.sweeps.items import Items

LEASE = "presence"


class EndedPresences:
    """Acts on the times that seats name, of which each session has written down the first."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._items = Items(LEASE, context.metrics)

    async def sweep(self) -> None:
        """End what is over, and reckon what is over next."""
        presences = self._context.store.presences
        found = await presences.due()
        await self._items.each({id_: id_ for id_ in found}, self._end, presences.put_off)

    async def _end(self, session_id: SessionId) -> None:
        """A seat that says something else meanwhile has named its own time, which the reckoning finds."""
        store = self._context.store
        session = await store.sessions.find(session_id)
        if session is None:
            return
        over = [seat for seat in session.participants if is_over(seat, store.clock.now())]
        for seat in over:
            change = await store.presences.end(session_id, participant_view(session, seat))
            self._context.follow_ups.schedule(change)
        await store.presences.reckon(session_id)
