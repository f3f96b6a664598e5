"""Endpoint state: what a media server says of one now, acted upon as if its events had come (design 7.2)."""

from datetime import datetime, timedelta

from callplane.store.documents import ConnectionDocument
from wrapper.context import Context
from wrapper.media.port import State

RTCP_SECONDS = 5.0
"""So long a client that is there may take from its keys to its first report (RFC 3550, 6.2: five seconds at most)."""

FRESH_SECONDS = 10.0


def fresh(context: Context, seconds: float = FRESH_SECONDS) -> datetime:
    """Until when what is asked now may be acted upon: a wrapper may be paused in between, and events say more."""
    return context.store.clock.now() + timedelta(seconds=seconds)


async def act_on(state: State, connection: ConnectionDocument, context: Context, until: datetime) -> bool:
    """Bring a ready connection's document up to it, by the same updates as the events. False: look again later.

    ``connected`` and a ready ICE are never taken back by a media server, so they heal nothing; its clients' reports do.
    """
    known = connection.media_state

    async def became(now: str) -> bool:
        change = await context.store.media_states.media_state(connection.id, (known,), now, until)
        context.follow_ups.schedule(change)
        return change is not None

    if state.failed:
        return known != "connected" or await became("failed")
    if state.receiving:
        await context.store.media_states.mark_reported(connection.id)
        return known == "connected" or await became("connected")
    if known is None and state.connected:
        await became("connected")
        return False  # whether anything still comes is seen when it has had the time to
    if known != "connected" or not (connection.heard or connection.kind == "publish"):
        return True  # a viewer to whom nothing flows yet has nothing to report, and is there all the same
    if connection.since is None or context.store.clock.now() - connection.since < timedelta(seconds=RTCP_SECONDS):
        return False
    return await became("failed")
