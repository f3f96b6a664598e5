"""Unconnected sweep: ends connections that never came about: no usable candidate, or keys do not fit (design 7.3)."""

import asyncio

from callplane.concurrency import for_each
from callplane.contracts.errors import Trouble
from callplane.contracts.reasons import ReleaseReason
from callplane.store.documents import ConnectionDocument
from callplane.telemetry.logs import logger
from wrapper.context import Context
from wrapper.media.port import Gone
from wrapper.negotiation.endpoint_state import act_on, fresh
from wrapper.negotiation.reconcile import reconcile

LEASE = "verdicts"

NEVER: ReleaseReason = "not-connected"
"""The reason that its participant and, of a stream, everybody is told."""

ASK_SECONDS = 2.0


class UnconnectedSweep:
    """Ends what was answered so long ago and has not been connected since; its media server has the last word."""

    def __init__(self, context: Context, connect_seconds: float) -> None:
        self._context = context
        self._seconds = connect_seconds
        self._log = logger("verdicts")

    async def sweep(self) -> None:
        """Look at some that are due, the oldest first; what is on a server that we do not reach is for the others."""
        due = await self._context.store.media_states.unconnected_for(self._seconds)
        servers = {one.endpoint.server for one in due if one.endpoint is not None}
        if not servers <= self._context.media.reached():
            await self._context.store.sweep_leases.crowd(LEASE)
        await for_each(self._judge, due)

    async def _judge(self, connection: ConnectionDocument) -> None:
        """What the media server says counts, for its event may have reached nobody; and only for a moment.

        A wrapper that is paused in between would else end what was connected meanwhile.
        """
        if connection.endpoint is None or not await self._context.media.is_up(connection.endpoint.server):
            return  # others may reach it; if nobody does, its epoch ends
        until = fresh(self._context, ASK_SECONDS)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                state = await self._context.media.state(connection.endpoint)
        except Gone:
            await self._gone(connection)
            return
        except (Trouble, TimeoutError) as trouble:
            self._log.info("not judged", connection_id=connection.id, why=str(trouble))
            return
        # A media server never takes "connected" back, not even when ICE has failed since and nobody was told of either.
        if not state.failed and (state.connected or state.receiving):
            await act_on(state, connection, self._context, until)
            return
        released = await self._context.store.media_states.give_up(connection, NEVER, until)
        if released is not None:
            self._log.info("never connected", connection_id=connection.id, session_id=connection.session_id)
            self._context.metrics.never_connected()
        self._context.follow_ups.schedule(released)

    async def _gone(self, connection: ConnectionDocument) -> None:
        """Reconciling says what is gone, the endpoint alone or its pipeline."""
        try:
            await reconcile(connection.id, self._context)
        except Trouble as trouble:
            self._log.info("not settled", connection_id=connection.id, why=str(trouble))
