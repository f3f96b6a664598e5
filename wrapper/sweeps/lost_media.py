"""Lost media of one client (design 7.3): a timer before anybody is told, then a grace before the connection goes."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.documents import ConnectionDocument
from wrapper.context import Context
from wrapper.media.port import Gone
from wrapper.negotiation.endpoint_state import fresh
from wrapper.sweeps.items import Items

LEASE = "drops"
ASK_SECONDS = 2.0


class LostMedia:
    """Reads what media servers said and how long ago; acts by updates that name the state they act on."""

    def __init__(self, context: Context, drop_seconds: float) -> None:
        self._context = context
        self._store = context.store
        self._drop = drop_seconds
        self._items = Items("drops", context.metrics)
        self._healed_until = ""
        """The session up to which seats were last looked at, for a round looks at some."""

    async def sweep(self) -> None:
        """Notice silence of those who are not there, tell of what has failed, release what did not heal."""
        media_states = self._store.media_states
        await self._look()
        await self._items.each(_by_id(await media_states.untold(self._drop)), self._tell)
        late = media_states.graces.put_off
        await self._items.each(_by_id(await media_states.past_grace()), self._release, lambda one: late(one.id))
        await self._heal()

    async def _look(self) -> None:
        """At the media of those whose mailbox nobody reads: the rarer the longer that is so."""
        media_states, attachments = self._store.media_states, self._store.attachments
        away = await attachments.away()
        if not away:
            return
        seats = {(one.session_id, one.participant_id) for one in away}
        await self._items.each(_by_id(await media_states.without_media(seats)), self._fail)
        connected = await media_states.connected_for(self._drop, seats)
        reached = [one for one in connected if one.endpoint and await self._context.media.is_up(one.endpoint.server)]
        since = {one.participant_id: one.since for one in away}
        await self._items.each(_by_id(reached), partial(self._fail_if_silent, since))
        if len(reached) < len(connected):
            await self._context.store.sweep_leases.crowd(LEASE)
        elsewhere = {one.participant_id for one in connected} - {one.participant_id for one in reached}
        await attachments.looked_at(one.participant_id for one in away if one.participant_id not in elsewhere)

    async def _fail_if_silent(self, since: Mapping[ParticipantId, datetime], connection: ConnectionDocument) -> None:
        until = fresh(self._context, ASK_SECONDS)
        if await self._is_silent(connection, since[connection.participant_id], until):
            await self._fail(connection, until)

    async def _is_silent(self, connection: ConnectionDocument, away: datetime, until: datetime) -> bool:
        """Whether nothing comes from the client, though no event has said so.

        Who goes before the first RTCP never had a MediaStateChanged, so its end is never told (measured), and an event
        may be lost between two wrappers. Of who only receives a real Kurento says it after 25 s (measured): until then
        that video is sent to it, and it does not report on that, says as much.
        """
        if connection.endpoint is None or not await self._context.media.is_up(connection.endpoint.server):
            return False
        try:
            if not await self._context.media.is_receiving(connection.endpoint):
                return True
            asked = connection.kind == "subscribe"
            report = await self._context.media.receiver_report(connection.endpoint) if asked else None
        except (Gone, Trouble):  # reconciling says what is gone; others may reach what we do not
            return False
        return report is not None and await self._store.receiver_reports.stopped(
            connection.id, away, (report.reports, report.sent), until
        )

    async def _fail(self, connection: ConnectionDocument, until: datetime | None = None) -> None:
        """Void after ``until``: a wrapper may have been paused since it asked."""
        failed = await self._store.media_states.media_state(connection.id, ("connected",), "failed", until)
        self._context.follow_ups.schedule(failed)

    async def _tell(self, connection: ConnectionDocument) -> None:
        """The session first: what is told to the one marks it as done, and so comes last."""
        turned = await self._store.seats.reconnecting(connection.session_id, connection.participant_id)
        self._context.follow_ups.schedule(turned)
        self._context.follow_ups.schedule(await self._store.media_states.tell_failed(connection.id, "media-stopped"))

    async def _release(self, connection: ConnectionDocument) -> None:
        """After one grace it goes, also when its seat lives on: a reloaded page has made another."""
        released = await self._store.connections.release_failed(connection.id, connection.since)
        self._context.follow_ups.schedule(released)

    async def _heal(self) -> None:
        """A seat is back when somebody reads its mailbox and none of its connections is failed.

        Some at a time, one after the other in the order of their sessions: most of them may not be back for long.
        """
        away, self._healed_until = await self._store.seats.away(self._healed_until)
        if not away:
            return
        read = await self._store.attachments.attached_among(participant for _, participant in away)
        failed = {one.participant_id for one in await self._store.media_states.failed_of(away)}
        back = {seat[1]: seat for seat in away if seat[1] in read and seat[1] not in failed}
        await self._items.each(back, self._tell_back)

    async def _tell_back(self, seat: tuple[SessionId, ParticipantId]) -> None:
        self._context.follow_ups.schedule(await self._store.seats.reconnected(*seat))


def _by_id(connections: list[ConnectionDocument]) -> dict[str, ConnectionDocument]:
    return {connection.id: connection for connection in connections}
