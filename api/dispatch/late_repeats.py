"""Answers to commands that were sent long ago, from what is there now: they are not sent again (design 8)."""

from dataclasses import dataclass

from callplane.contracts.commands import (
    CreateSession,
    Done,
    Envelope,
    Join,
    Joined,
    Negotiated,
    ParticipantChanged,
    Publish,
    SessionChanged,
    SessionMade,
    Subscribe,
    UpdateParticipant,
    UpdateSession,
)
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, id_made_by
from callplane.contracts.model import Wire
from callplane.store.attachments import Attachments
from callplane.store.connections import Connections
from callplane.store.documents import Seat, SessionDocument
from callplane.store.sessions import Sessions
from callplane.store.views import connection_view, participant_view, session_view


@dataclass(frozen=True, slots=True)
class LateRepeats:
    """Rebuilds status and ids, for replies are stored nowhere.

    A wrapper knows its last 256 commands by id: one that is repeated later than that might be carried out twice.
    """

    sessions: Sessions
    connections: Connections
    attachments: Attachments

    async def reply(self, envelope: Envelope) -> Wire | None:
        """What a wrapper would answer to the repeat; None: it is still on its way. Raises Refusal."""
        match envelope.body:
            case CreateSession():
                return await self._made(envelope, envelope.body)
            case Join():
                return await self._joined(envelope, envelope.body)
            case Publish() | Subscribe():
                return await self._negotiated(id_made_by(envelope.id))
            case UpdateSession():
                return SessionChanged(session=session_view(await self._open(envelope.session_id)))
            case UpdateParticipant(participant_id=participant_id):
                session = await self._open(envelope.session_id)
                seat = await self._seat(session, participant_id)
                return ParticipantChanged(participant=participant_view(session, seat), version=session.version)
            case _:
                return Done()

    async def _made(self, envelope: Envelope, command: CreateSession) -> SessionMade:
        mine = await self.sessions.find(envelope.session_id)
        if mine is not None:
            return SessionMade(session=session_view(mine), created=True)
        twin = await self.sessions.find_open_by_custom_id(command.custom_id) if command.custom_id else None
        if twin is None:
            raise Refusal("not-found", "What this key made is not there any more; use another key for another session.")
        return SessionMade(session=session_view(twin), created=False)

    async def _joined(self, envelope: Envelope, command: Join) -> Joined:
        session = await self._open(envelope.session_id)
        seat = await self._seat(session, command.participant_id or id_made_by(envelope.id))
        own = await self.connections.offered_by(session.id, seat.id)
        return Joined(
            participant=participant_view(session, seat),
            session=session_view(session),
            connections=[connection_view(connection) for connection in own],
        )

    async def _negotiated(self, connection_id: str) -> Negotiated | None:
        connection = await self.connections.find(connection_id)
        if connection is None or connection.state == "released":
            raise Refusal("wrong-state", "The connection was stopped.")
        return Negotiated(connection=connection_view(connection)) if connection.state == "ready" else None

    async def _open(self, session_id: str) -> SessionDocument:
        session = await self.sessions.find(session_id)
        if session is None:
            raise Refusal("not-found", "There is no such session.")
        if session.status == "closed":
            raise Refusal("session-closed", reason=session.reason)
        return session

    async def _seat(self, session: SessionDocument, participant_id: str) -> Seat:
        seat = session.seat(participant_id)
        if seat is not None:
            return seat
        if participant_id in session.kicked:
            raise Refusal("kicked")
        ended = await self.attachments.read(ParticipantId(participant_id))
        raise Refusal("join-again", reason=ended.reason if ended else None)
