"""Lost media of one client (design 7): a timer before anybody is told, then a grace before the connection goes."""

from datetime import datetime

from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ParticipantId
from callplane.store.documents import ConnectionDocument
from wrapper.context import Context
from wrapper.media.port import Gone

SILENT = "the client's media has stopped"


class Drops:
    """Reads what media servers said and how long ago; acts by updates that name the state they act on."""

    def __init__(self, context: Context, drop_seconds: float) -> None:
        self._context = context
        self._store = context.store
        self._drop = drop_seconds

    async def sweep(self) -> None:
        """Notice silence of those who are not there, tell of what has failed, release what did not heal."""
        liveness = self._store.liveness
        detached = await self._store.attachments.detached()
        since = {one.participant_id: one.since for one in detached}
        away = {(one.session_id, one.participant_id) for one in detached}
        if away:
            for connection in await liveness.still(away):
                await self._fail(connection)
            for connection in await liveness.connected_for(self._drop, away):
                if await self._unheard(connection, since[ParticipantId(connection.participant_id)]):
                    await self._fail(connection)
        for connection in await liveness.failed_for(self._drop, told={"$exists": False}):
            await self._tell(connection)
        for connection in await liveness.past_grace():
            await self._release(connection)
        await self._heal()

    async def _unheard(self, connection: ConnectionDocument, away: datetime) -> bool:
        """Whether nothing comes from the client, though no event has said so.

        Who goes before the first RTCP never had a MediaStateChanged, so its end is never told (measured), and an event
        may be lost between two wrappers. Of who only receives a real Kurento says it after 25 s (measured): until then
        that video is sent to it, and it does not report on that, says as much.
        """
        if connection.endpoint is None or not await self._context.media.is_up(connection.endpoint.server):
            return False
        try:
            if not await self._context.media.is_heard(connection.endpoint):
                return True
            pulse = await self._context.media.pulse(connection.endpoint) if connection.kind == "subscribe" else None
        except (Gone, Trouble):  # settling says what is gone; others may reach what we do not
            return False
        return pulse is not None and await self._store.pulses.stopped(connection.id, away, (pulse.reports, pulse.sent))

    async def _fail(self, connection: ConnectionDocument) -> None:
        self._context.aftermath.owes(await self._store.liveness.media_state(connection.id, ("connected",), "failed"))

    async def _tell(self, connection: ConnectionDocument) -> None:
        """The session first: what is told to the one marks it as done, and so comes last."""
        turned = await self._store.seats.reconnecting(connection.session_id, connection.participant_id)
        self._context.aftermath.owes(turned)
        self._context.aftermath.owes(await self._store.liveness.tell_failed(connection.id, SILENT))

    async def _release(self, connection: ConnectionDocument) -> None:
        """After one grace it goes, also when its seat lives on: a reloaded page has made another."""
        where = {"_id": connection.id, "media_state": "failed", "since": connection.since}
        self._context.aftermath.owes(await self._store.connections.release(where, "failed"))

    async def _heal(self) -> None:
        """A seat is back when somebody reads its mailbox and none of its connections is failed."""
        sessions = await self._store.seats.with_reconnecting()
        away = {(one.id, seat.id) for one in sessions for seat in one.participants if seat.state == "reconnecting"}
        if not away:
            return
        read = await self._store.attachments.attached_among(participant for _, participant in away)
        failed = {one.participant_id for one in await self._store.liveness.failed_of(away)}
        for session, participant in sorted(away):
            if participant in read and participant not in failed:
                self._context.aftermath.owes(await self._store.seats.reconnected(session, participant))
